"""Three Kafka nodes on loopback, each broker and controller, every partition on all three: for tests of leaders.

Each node is a `broker.Broker` with settings of its own, so it is killed and restarted like one.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from broker import Broker, free_port

NODES = 3

SETTINGS = """\
process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://{address},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://{address}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={logs}
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
auto.create.topics.enable=false
num.network.threads=2
num.io.threads=2
background.threads=2
default.replication.factor=3
min.insync.replicas=2
offsets.topic.num.partitions=1
offsets.topic.replication.factor=3
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=4194304
"""


@contextmanager
def running(folder: Path) -> Iterator[list[Broker]]:
    """Yield the nodes, number 1 first, once each answers; the quorum holds while two of them live."""
    identity = uuid.uuid4().hex[:22]
    controllers = [free_port() for _ in range(NODES)]
    voters = ",".join(f"{n}@127.0.0.1:{port}" for n, port in enumerate(controllers, 1))
    with ExitStack() as stack:
        nodes = []
        for number, controller in enumerate(controllers, 1):
            home = folder / f"node-{number}"
            home.mkdir()
            address = f"127.0.0.1:{free_port()}"
            settings = SETTINGS.format(
                node=number, voters=voters, address=address, controller=controller, logs=home / "logs"
            )
            (home / "server.properties").write_text(settings)
            node = Broker(address, folder=home)
            stack.callback(node.kill)  # in order, the last node would wait for a quorum that is gone
            node.format(identity)
            nodes.append(node)
        for node in nodes:
            node.launch()
        for node in nodes:
            node.wait_ready()
        yield nodes
