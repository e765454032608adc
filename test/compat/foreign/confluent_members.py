"""Members of consumer groups under command, by librdkafka; the protocol is described in test/support/members.ts. Argument: bootstrap servers."""

import sys
import threading
import time

from confluent_kafka import Consumer, KafkaException

output = threading.Lock()
members = {}


def say(member, what, partitions=()):
    names = "".join(f" {p.topic}-{p.partition}" for p in partitions)
    with output:
        print(f"@ {int(time.time() * 1000)} {member} {what}{names}", flush=True)


class Member(threading.Thread):
    def __init__(self, name, topics, config):
        super().__init__()
        self.member = name
        self.topics = topics
        self.silent = set()
        self.stopping = False
        self.consumer = Consumer(config)

    def assigned(self, _consumer, partitions):
        say(self.member, "assigned", partitions)
        self.silent.update((p.topic, p.partition) for p in partitions)

    def revoked(self, _consumer, partitions):
        say(self.member, "revoked", partitions)
        self.silent.difference_update((p.topic, p.partition) for p in partitions)

    def lost(self, _consumer, partitions):
        say(self.member, "lost", partitions)
        self.silent.difference_update((p.topic, p.partition) for p in partitions)

    def run(self):
        try:
            self.consumer.subscribe(self.topics, on_assign=self.assigned, on_revoke=self.revoked, on_lost=self.lost)
            while not self.stopping:
                message = self.consumer.poll(0.05)
                if message is None or message.error():
                    continue
                place = (message.topic(), message.partition())
                if place in self.silent:
                    self.silent.discard(place)
                    say(self.member, f"flowing {place[0]}-{place[1]}")
        except KafkaException as error:
            say(self.member, f"failed-{error.args[0].name()}")
        finally:
            self.consumer.close()
            members.pop(self.member, None)
            say(self.member, "stopped")


def main():
    print("ready", flush=True)
    for line in sys.stdin:
        words = line.split()
        if words[0] == "start":
            config = {
                "bootstrap.servers": sys.argv[1],
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                **dict(word.split("=", 1) for word in words[3:]),
            }
            members[words[1]] = Member(words[1], words[2].split(","), config)
            members[words[1]].start()
        elif words[0] == "stop":
            members[words[1]].stopping = True
    rest = list(members.values())
    for member in rest:
        member.stopping = True
    for member in rest:
        member.join()


main()
