import { describe, expect, it } from '@jest/globals';
import { chooseNode, isInstalled } from './setup.mjs';

describe('packages', () => {
  const wanted = {
    '': { version: '1.0.0' },
    'node_modules/a': { version: '1.2.3' },
    'node_modules/elsewhere': { version: '2.0.0', optional: true },
  };

  it('are up to date when each is there in its version, whatever other platforms need', () => {
    expect(isInstalled(wanted, { 'node_modules/a': { version: '1.2.3' } })).toBe(true);
  });

  it('are installed again when one is absent or of another version, optional or not', () => {
    expect(isInstalled(wanted, {})).toBe(false);
    expect(isInstalled(wanted, { 'node_modules/a': { version: '1.2.4' } })).toBe(false);
    const old = { 'node_modules/a': { version: '1.2.3' }, 'node_modules/elsewhere': { version: '1.0.0' } };
    expect(isInstalled(wanted, old)).toBe(false);
  });
});

describe('the Node to run on', () => {
  it('is the bundled one wherever there is one', () => {
    expect(chooseNode({ bundled: 'bundled', running: { path: 'own', version: 'v26.0.0' } })).toBe('bundled');
  });

  it('is else the running one from 24 on, or none', () => {
    expect(chooseNode({ bundled: undefined, running: { path: 'own', version: 'v24.1.0' } })).toBe('own');
    expect(chooseNode({ bundled: undefined, running: { path: 'own', version: 'v22.20.0' } })).toBeUndefined();
  });
});
