package freshet.bench;

import java.util.Properties;

/** Arguments of the form name=value: those of the program are taken out, the rest go to Kafka Streams. */
final class Settings {
  private final Properties properties = new Properties();

  static Settings of(String[] arguments) {
    Settings settings = new Settings();
    for (String argument : arguments) {
      int at = argument.indexOf('=');
      settings.properties.put(argument.substring(0, at), argument.substring(at + 1));
    }
    return settings;
  }

  String take(String name) {
    return (String) properties.remove(name);
  }

  Properties rest() {
    return properties;
  }
}
