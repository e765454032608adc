"""librdkafka through confluent-kafka: topics, every codec, two group members, commits, a transaction that is refused. Prints OK or raises."""
import sys
import time

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic

bootstrap, transactions = sys.argv[1], sys.argv[2] == "transactions"
admin = AdminClient({"bootstrap.servers": bootstrap})
admin.create_topics([NewTopic("ck", num_partitions=4, config={"retention.ms": "3600000"})])["ck"].result(10)
admin.create_partitions([NewPartitions("ck", 6)])["ck"].result(10)
metadata = admin.list_topics("ck", timeout=10)
assert len(metadata.topics["ck"].partitions) == 6, metadata.topics["ck"].partitions
resource = ConfigResource("topic", "ck")
configs = admin.describe_configs([resource])[resource].result(10)
assert configs["retention.ms"].value == "3600000", configs["retention.ms"]

sent = {}
for codec in ["none", "gzip", "snappy", "lz4", "zstd"]:
    failures = []
    producer = Producer({"bootstrap.servers": bootstrap, "compression.type": codec, "enable.idempotence": True, "linger.ms": 20})

    def delivered(error, message):
        if error:
            failures.append(error)
        else:
            sent[(message.partition(), message.offset())] = message.value()

    for i in range(200):
        producer.produce("ck", key=f"key-{i}", value=f"{codec}-{i} " + "x" * 50, headers={"codec": codec}, callback=delivered)
    assert producer.flush(20) == 0
    assert not failures, failures
assert len(sent) == 1000, len(sent)

group = {
    "bootstrap.servers": bootstrap,
    "group.id": "ck-group",
    "auto.offset.reset": "earliest",
    "enable.auto.commit": False,
    "session.timeout.ms": 6000,
    "heartbeat.interval.ms": 200,
}
first, second = Consumer(group), Consumer(group)
first.subscribe(["ck"])
second.subscribe(["ck"])
seen = {}
deadline = time.time() + 60
while len(seen) < 1000 or sorted(len(c.assignment()) for c in (first, second)) != [3, 3]:
    assert time.time() < deadline, (len(seen), [c.assignment() for c in (first, second)])
    for consumer in (first, second):
        for message in consumer.consume(500, timeout=0.2):
            if message.error():
                raise KafkaException(message.error())
            seen[(message.partition(), message.offset())] = message.value()
assert seen == sent
for consumer in (first, second):
    consumer.commit(offsets=[TopicPartition("ck", tp.partition, consumer.get_watermark_offsets(tp, timeout=10)[1]) for tp in consumer.assignment()], asynchronous=False)
second.close()
while len(first.assignment()) != 6:
    assert time.time() < deadline
    first.consume(1, timeout=0.2)
committed = first.committed([TopicPartition("ck", p) for p in range(6)], timeout=10)
assert sum(tp.offset for tp in committed) == 1000, committed
assert admin.describe_consumer_groups(["ck-group"])["ck-group"].result(10).state.name == "STABLE"
first.close()
admin.delete_consumer_groups(["ck-group"])["ck-group"].result(10)

if not transactions:
    started = time.time()
    try:
        producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": "ck-tx"})
        producer.init_transactions(30)
        raise AssertionError("a transaction was begun")
    except KafkaException as error:
        assert not error.args[0].retriable(), error
    assert time.time() - started < 10, "the refusal took too long"
admin.delete_topics(["ck"])["ck"].result(10)
print("OK")
