import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { assertFree, freePorts } from './ports.ts';

describe('ports', () => {
  it('that are free are told from one that is taken, on whatever address it is', async () => {
    for (const host of ['127.0.0.1', '0.0.0.0']) {
      const server = createServer().listen(0, host);
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const busy = assertFree(port, 'Kafka', 'SOME_SETTING');
      await expect(busy).rejects.toMatchObject({
        code: 'PORT_BUSY',
        message: expect.stringMatching(`port ${port} .*SOME_SETTING`),
      });
      server.close();
      await once(server, 'close');
      await expect(assertFree(port, 'Kafka', 'SOME_SETTING')).resolves.toBeUndefined();
    }
  });

  it('that are handed out are different, and none that an outgoing connection is given', async () => {
    const ports = await freePorts(7);
    expect(new Set(ports).size).toBe(7);
    for (const port of ports) expect(port).toBeLessThan(32_768);
  });
});
