package freshet.bench;

import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.StateRestoreListener;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.Stores;

/**
 * Restores a store from a changelog that is there already, and says how long it took from the first restore's start to the
 * last one's end. Arguments: settings as name=value, among them in= (an empty topic), store= and partitions=.
 */
public final class RestorePeer {
  public static void main(String[] arguments) throws Exception {
    Settings settings = Settings.of(arguments);
    String store = settings.take("store");
    int partitions = Integer.parseInt(settings.take("partitions"));
    Topology topology = new Topology();
    topology.addSource("source", new ByteArrayDeserializer(), new ByteArrayDeserializer(), settings.take("in"));
    topology.addProcessor("keep", Keep::new, "source");
    topology.addStateStore(
        Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(store), Serdes.ByteArray(), Serdes.ByteArray()), "keep");
    KafkaStreams streams = new KafkaStreams(topology, settings.rest());
    streams.setGlobalStateRestoreListener(new Watch(partitions));
    streams.start();
    Progress.untilTold();
    streams.close();
    System.exit(0);
  }

  private static final class Keep implements Processor<byte[], byte[], Void, Void> {
    @Override
    public void process(Record<byte[], byte[]> record) {
      // Its input is empty.
    }
  }

  private static final class Watch implements StateRestoreListener {
    private final AtomicLong records = new AtomicLong();
    private final AtomicLong began = new AtomicLong();
    private final AtomicLong left;

    Watch(int partitions) {
      left = new AtomicLong(partitions);
    }

    @Override
    public void onRestoreStart(TopicPartition partition, String store, long start, long end) {
      began.compareAndSet(0, System.nanoTime());
    }

    @Override
    public void onBatchRestored(TopicPartition partition, String store, long end, long count) {
      records.addAndGet(count);
    }

    @Override
    public void onRestoreEnd(TopicPartition partition, String store, long total) {
      if (left.decrementAndGet() > 0) return;
      long took = (System.nanoTime() - began.get()) / 1_000_000;
      System.out.println("{\"restored\":" + records.get() + ",\"ms\":" + took + "}");
    }
  }

  private RestorePeer() {}
}
