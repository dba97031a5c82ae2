package freshet.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.concurrent.atomic.LongAdder;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * The engine's job: JSON events in; count, sum and last context per key in RocksDB with a changelog; one small record out for each.
 * Arguments: settings as name=value, among them in=, out= (topics) and store= (name of the store).
 */
public final class Aggregate {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final LongAdder PROCESSED = new LongAdder();

  public static void main(String[] arguments) throws Exception {
    Settings settings = Settings.of(arguments);
    String store = settings.take("store");
    Topology topology = new Topology();
    topology.addSource("source", new StringDeserializer(), new ByteArrayDeserializer(), settings.take("in"));
    topology.addProcessor("aggregate", () -> new Summing(store), "source");
    topology.addStateStore(
        Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(store), Serdes.String(), Serdes.ByteArray())
            .withCachingEnabled(),
        "aggregate");
    topology.addSink("sink", settings.take("out"), new StringSerializer(), new ByteArraySerializer(), "aggregate");
    KafkaStreams streams = new KafkaStreams(topology, settings.rest());
    Progress.tell(PROCESSED::sum);
    streams.start();
    Progress.untilTold();
    streams.close();
    System.exit(0);
  }

  private static final class Summing implements Processor<String, byte[], String, byte[]> {
    private final String name;
    private KeyValueStore<String, byte[]> store;
    private ProcessorContext<String, byte[]> context;

    Summing(String name) {
      this.name = name;
    }

    @Override
    public void init(ProcessorContext<String, byte[]> context) {
      this.context = context;
      store = context.getStateStore(name);
    }

    @Override
    public void process(Record<String, byte[]> record) {
      try {
        JsonNode event = JSON.readTree(record.value());
        byte[] before = store.get(record.key());
        ObjectNode state = before == null ? JSON.createObjectNode() : (ObjectNode) JSON.readTree(before);
        int count = state.path("count").asInt() + 1;
        state.put("count", count);
        state.put("sum", state.path("sum").asDouble() + event.path("properties").path("total").asDouble());
        state.set("last", event.path("context"));
        store.put(record.key(), JSON.writeValueAsBytes(state));
        ObjectNode out = JSON.createObjectNode();
        out.put("a", event.path("event").asText());
        out.put("u", event.path("userId").asText());
        out.put("n", count);
        context.forward(record.withValue(JSON.writeValueAsBytes(out)));
        PROCESSED.increment();
      } catch (IOException error) {
        throw new UncheckedIOException(error);
      }
    }
  }

  private Aggregate() {}
}
