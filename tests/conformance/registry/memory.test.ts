import { MemoryRegistry } from '../../../schemas/registry/memory.ts';
import { registrySuite } from './suite.ts';

registrySuite('in memory', async () => {
  const away = new MemoryRegistry();
  away.available = false;
  return { registry: new MemoryRegistry(), away };
});
