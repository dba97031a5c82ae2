package freshet.bench;

import java.util.concurrent.atomic.LongAdder;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;

/** One hop that changes nothing, for its latency. Arguments: settings as name=value, among them in= and out= (topics). */
public final class Hop {
  private static final LongAdder PROCESSED = new LongAdder();

  public static void main(String[] arguments) throws Exception {
    Settings settings = Settings.of(arguments);
    StreamsBuilder builder = new StreamsBuilder();
    builder.stream(settings.take("in"), Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
        .peek((key, value) -> PROCESSED.increment())
        .to(settings.take("out"), Produced.with(Serdes.ByteArray(), Serdes.ByteArray()));
    KafkaStreams streams = new KafkaStreams(builder.build(), settings.rest());
    Progress.tell(PROCESSED::sum);
    streams.start();
    Progress.untilTold();
    streams.close();
    System.exit(0);
  }

  private Hop() {}
}
