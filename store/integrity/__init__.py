"""Evidence that holds: a leaf for each event, a root for each stream of a commit, a signed log of every change.

**Leaf.** `leaf_hash` of a row is RFC 6962's SHA-256(0x00 || entry). The entry is the row's columns in an encoding that
knows nothing of files, compression or library versions (`canonical.py`). Columns with `events.Column.sealed` set to a
class (`person`, `content`, `texts`) do not stand in it themselves: for each class the entry holds one commitment,
SHA-256(salt || the class's columns), under a random salt of 128 bits kept in the row (`person_salt`, ...). A class
without any value has neither salt nor commitment. `event_date`, the salts and `leaf_hash` are not part of the leaf.

**Erasing** a class of a row: write `<class>_commitment` (from `leaves.commitments`), set `<class>_salt` and all columns
of the class to null, change nothing else. The leaf, every root and every proof stay true; the other classes
stay provable. Erasing less than a class would leave its other columns without proof, so a class goes as one.
`leaves.erase(rows, "person", mask)` does it. Never rewrite another column of a sealed row: its leaf would be false.

**Root.** `batch_id` names the commit that brought a row in. For each (batch, source_topic, source_partition) the leaves
in order of (source_offset, sub_index) make one RFC 6962 tree; `streams.roots(rows)` computes these again from rows in
any order out of any files, so compaction proves itself by equal roots before and after. Rows that leave a batch
(retention) leave the hashes of their subtrees behind in the table `retired_leaves`: call `retired.nodes(...)` on the
whole batch before the commit that removes them, append what it returns, and name the removal in the commit's note.

**Log.** `lake/log` is a C2SP tlog-tiles log (`checkpoint`, `tile/...`). It follows the tables: each Delta commit of
each table is one entry, made from the commit alone (`entries.py`), so whoever holds the lock can log what a crashed or
concurrent writer left unlogged. After a commit call `lake.log.follow()`; `Lake.append` does. A commit of another kind
says so in its note, under our key `tooltrail` of commitInfo: {"operation": "compact" | "expire" | "erase" | "restore"
| ..., "sha256": {path: digest of each added file}, ...}; everything in the note is evidence: keep it small and free
of what is personal.
Facts that are no commit (hold, release, import, query-audit batch, key rotation, idle) are entries of their own:
`lake.log.append("hold", {...})`. Both return when the checkpoint over the entry is durable. What is in the log stays
for ever: no names of persons, no values, only keys, counts and digests.
"""
