-- What every tool does (see tool_classes.toml), and the calls of tools with it.
CREATE OR REPLACE TABLE tool_classes AS FROM given_classes;
CREATE OR REPLACE VIEW calls AS
SELECT e.*, c.read, c.write, c.destructive, c.exec, c.private, c.untrusted, c.sink, c.persistent
FROM events e JOIN tool_classes c
  ON c.tool_name = e.tool_name AND c.server_name IS NOT DISTINCT FROM e.server_name
WHERE e.attempted;
