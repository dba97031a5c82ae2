package freshet.bench;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.function.LongSupplier;

/** Tells the bench how far a program is, ten times a second: records processed, and the process's CPU time in microseconds. */
final class Progress {
  private static final OperatingSystemMXBean SYSTEM = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

  static void tell(LongSupplier processed) {
    Thread teller = new Thread(() -> {
      while (true) {
        long cpu = SYSTEM.getProcessCpuTime() / 1000;
        System.out.println("{\"processed\":" + processed.getAsLong() + ",\"cpu\":" + cpu + "}");
        try {
          Thread.sleep(100);
        } catch (InterruptedException end) {
          return;
        }
      }
    });
    teller.setDaemon(true);
    teller.start();
  }

  /** Returns when the bench closes our standard input. */
  static void untilTold() throws IOException {
    while (System.in.read() >= 0) {
      // Nothing is said there.
    }
  }

  private Progress() {}
}
