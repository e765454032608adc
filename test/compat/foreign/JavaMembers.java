import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * Members of consumer groups under command, one thread each; the protocol is described in test/support/members.ts.
 * Argument: bootstrap servers.
 */
public final class JavaMembers {
    private static final Map<String, String> ASSIGNORS = Map.of(
        "range", "org.apache.kafka.clients.consumer.RangeAssignor",
        "roundrobin", "org.apache.kafka.clients.consumer.RoundRobinAssignor",
        "sticky", "org.apache.kafka.clients.consumer.StickyAssignor",
        "cooperative-sticky", "org.apache.kafka.clients.consumer.CooperativeStickyAssignor");
    private static final Map<String, Member> members = new ConcurrentHashMap<>();

    private static synchronized void say(String member, String what, Collection<TopicPartition> partitions) {
        StringBuilder line = new StringBuilder("@ ").append(System.currentTimeMillis()).append(' ').append(member).append(' ').append(what);
        for (TopicPartition partition : partitions) line.append(' ').append(partition);
        System.out.println(line);
    }

    private static final class Member extends Thread implements ConsumerRebalanceListener {
        private final String name;
        private final List<String> topics;
        private final KafkaConsumer<String, String> consumer;
        private final Set<TopicPartition> silent = new HashSet<>();
        private volatile boolean stopping = false;

        Member(String name, List<String> topics, Properties properties) {
            this.name = name;
            this.topics = topics;
            this.consumer = new KafkaConsumer<>(properties, new StringDeserializer(), new StringDeserializer());
        }

        @Override
        public void run() {
            try {
                consumer.subscribe(topics, this);
                while (!stopping) {
                    for (TopicPartition partition : consumer.poll(Duration.ofSeconds(10)).partitions()) {
                        if (silent.remove(partition)) say(name, "flowing", List.of(partition));
                    }
                }
            } catch (WakeupException expected) {
                // The way out of a poll that waits.
            } catch (Exception error) {
                say(name, "failed-" + error.getClass().getSimpleName(), List.of());
            } finally {
                consumer.close();
                members.remove(name);
                say(name, "stopped", List.of());
            }
        }

        void finish() {
            stopping = true;
            consumer.wakeup();
        }

        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
            say(name, "assigned", partitions);
            silent.addAll(partitions);
        }

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
            say(name, "revoked", partitions);
            silent.removeAll(partitions);
        }

        @Override
        public void onPartitionsLost(Collection<TopicPartition> partitions) {
            say(name, "lost", partitions);
            silent.removeAll(partitions);
        }
    }

    /** The classes of assignors that are named as in a JoinGroup request. */
    private static String assignors(String names) {
        return Arrays.stream(names.split(",")).map(ASSIGNORS::get).collect(Collectors.joining(","));
    }

    private static void start(String bootstrap, List<String> words) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", bootstrap);
        properties.put("auto.offset.reset", "earliest");
        properties.put("enable.auto.commit", "false");
        for (String word : words.subList(3, words.size())) {
            int equals = word.indexOf('=');
            String name = word.substring(0, equals);
            String value = word.substring(equals + 1);
            properties.put(name, name.equals("partition.assignment.strategy") ? assignors(value) : value);
        }
        Member member = new Member(words.get(1), Arrays.asList(words.get(2).split(",")), properties);
        members.put(words.get(1), member);
        member.start();
    }

    public static void main(String[] args) throws Exception {
        System.out.println("ready");
        BufferedReader commands = new BufferedReader(new InputStreamReader(System.in));
        for (String line = commands.readLine(); line != null; line = commands.readLine()) {
            List<String> words = Arrays.asList(line.trim().split(" "));
            if (words.get(0).equals("start")) start(args[0], words);
            else if (words.get(0).equals("stop")) members.get(words.get(1)).finish();
        }
        List<Member> rest = new ArrayList<>(members.values());
        for (Member member : rest) member.finish();
        for (Member member : rest) member.join();
        System.exit(0);
    }
}
