import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** Kafka's Java client: topics, every codec, offsets by time, commits with metadata, a transaction that is refused. Prints OK or throws. */
public final class JavaCheck {
    private static void check(boolean condition, Object what) {
        if (!condition) throw new AssertionError(String.valueOf(what));
    }

    private static Properties properties(String bootstrap, String... more) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", bootstrap);
        for (int i = 0; i < more.length; i += 2) properties.put(more[i], more[i + 1]);
        return properties;
    }

    public static void main(String[] args) throws Exception {
        String bootstrap = args[0];
        boolean transactions = args[1].equals("transactions");
        try (Admin admin = Admin.create(properties(bootstrap))) {
            admin.createTopics(List.of(new NewTopic("java", 2, (short) 1))).all().get();
            produceAndConsume(bootstrap);
            var offsets = admin.listConsumerGroupOffsets("java-group").partitionsToOffsetAndMetadata().get();
            check(offsets.values().stream().mapToLong(OffsetAndMetadata::offset).sum() == 500, offsets);
            check(offsets.values().stream().allMatch(offset -> offset.metadata().equals("from Java")), offsets);
            check(admin.describeProducers(List.of(new TopicPartition("java", 0))).all().get().size() == 1, "producers");
            check(!admin.describeLogDirs(List.of(admin.describeCluster().controller().get().id())).allDescriptions().get().isEmpty(), "log dirs");
            admin.deleteConsumerGroups(List.of("java-group")).all().get();
        }
        if (!transactions) refuseTransaction(bootstrap);
        System.out.println("OK");
        System.exit(0);
    }

    private static void produceAndConsume(String bootstrap) throws Exception {
        Map<String, String> sent = new HashMap<>();
        long start = System.currentTimeMillis();
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            Properties properties = properties(bootstrap, "compression.type", codec, "linger.ms", "20");
            try (KafkaProducer<String, String> producer = new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer())) {
                Map<String, Future<RecordMetadata>> futures = new HashMap<>();
                for (int i = 0; i < 100; i++) {
                    String value = codec + "-" + i;
                    futures.put(value, producer.send(new ProducerRecord<>("java", "key-" + i, value)));
                }
                for (var entry : futures.entrySet()) sent.put(entry.getValue().get().partition() + "@" + entry.getValue().get().offset(), entry.getKey());
            }
        }
        check(sent.size() == 500, sent.size());
        Properties properties = properties(bootstrap, "group.id", "java-group", "auto.offset.reset", "earliest", "enable.auto.commit", "false");
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(properties, new StringDeserializer(), new StringDeserializer())) {
            consumer.subscribe(List.of("java"));
            Map<String, String> seen = new HashMap<>();
            long deadline = System.currentTimeMillis() + 60_000;
            while (seen.size() < 500) {
                check(System.currentTimeMillis() < deadline, seen.size());
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200))) seen.put(record.partition() + "@" + record.offset(), record.value());
            }
            check(seen.equals(sent), "what was read is what was sent");
            Map<TopicPartition, OffsetAndMetadata> commits = new HashMap<>();
            Map<TopicPartition, Long> times = new HashMap<>();
            for (TopicPartition partition : consumer.assignment()) {
                commits.put(partition, new OffsetAndMetadata(consumer.position(partition), "from Java"));
                times.put(partition, start - 1000);
            }
            consumer.commitSync(commits);
            check(consumer.offsetsForTimes(times).values().stream().allMatch(offset -> offset != null && offset.offset() == 0), "offsets by time");
            check(consumer.endOffsets(consumer.assignment()).values().stream().mapToLong(Long::longValue).sum() == 500, "end offsets");
        }
    }

    private static void refuseTransaction(String bootstrap) {
        long started = System.currentTimeMillis();
        Properties properties = properties(bootstrap, "transactional.id", "java-tx");
        KafkaProducer<String, String> producer = new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer());
        try {
            producer.initTransactions();
            throw new AssertionError("a transaction was begun");
        } catch (KafkaException refused) {
            check(System.currentTimeMillis() - started < 10_000, "the refusal took too long: " + refused);
        } finally {
            producer.close(Duration.ZERO);
        }
    }
}
