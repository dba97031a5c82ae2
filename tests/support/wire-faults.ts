import { EventEmitter } from 'node:events';
import { Socket } from 'node:net';

/** What may happen to the answers of one kind of request, for every client in this process. */
export interface WireFault {
  /** API key of the protocol: 22 InitProducerId, 26 EndTxn. */
  readonly apiKey: number;
  /** How many answers it meets. */
  readonly times: number;
  /** Returns what the client gets in place of the answer (a whole frame); undefined: the connection breaks and nothing comes. */
  readonly answer: (frame: Buffer) => Buffer | undefined;
  /** How long it is held back, milliseconds. */
  readonly lateMs?: number;
}

/** A fault that is in force until `end`. */
export interface Injected {
  /** Answers met so far. */
  readonly met: number;
  end(): void;
}

/** Lets requests of a kind reach the broker and changes, or loses, what it answers. Clients send each request in one write. */
export function injectWireFault(fault: WireFault): Injected {
  const original = Reflect.get(Socket.prototype, 'write') as (this: Socket, ...args: unknown[]) => boolean;
  let met = 0;
  const write = function (this: Socket, ...args: unknown[]): boolean {
    const [bytes] = args;
    if (Buffer.isBuffer(bytes) && bytes.length > 12 && bytes.readInt16BE(4) === fault.apiKey && met < fault.times) {
      met++;
      intercept(this, bytes.readInt32BE(8), fault);
    }
    return original.apply(this, args);
  };
  Reflect.set(Socket.prototype, 'write', write);
  return {
    get met() {
      return met;
    },
    end: () => void Reflect.set(Socket.prototype, 'write', original),
  };
}

/** The answer to this request; it must come in one piece, as small ones do. */
function intercept(socket: Socket, correlationId: number, { answer, lateMs }: WireFault): void {
  const emit = socket.emit.bind(socket) as (event: string | symbol, ...args: unknown[]) => boolean;
  const restore = (): void => {
    Reflect.deleteProperty(socket, 'emit');
  };
  const replaced = (event: string | symbol, ...args: unknown[]): boolean => {
    const [bytes] = args;
    if (event !== 'data' || !Buffer.isBuffer(bytes) || bytes.length < 8 || bytes.readInt32BE(4) !== correlationId) {
      return emit(event, ...args);
    }
    restore();
    const changed = answer(bytes);
    if (changed !== undefined && lateMs !== undefined) return setTimeout(() => emit('data', changed), lateMs).hasRef();
    if (changed !== undefined) return emit('data', changed);
    socket.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
    return true;
  };
  Object.defineProperty(socket, 'emit', { value: replaced, configurable: true });
}

/** The same answer with another error code at this index, which counts from the end when it is negative. */
export function withErrorCode(frame: Buffer, at: number, code: number): Buffer {
  const changed = Buffer.from(frame);
  changed.writeInt16BE(code, at < 0 ? changed.length + at : at);
  return changed;
}

/** Changes a text to another of the same length the next time it comes in, whichever client of this process it comes to. */
export function injectDamage(text: string, into: string): { readonly end: () => void } {
  let done = false;
  const emit = Reflect.get(EventEmitter.prototype, 'emit') as (
    this: Socket,
    event: string | symbol,
    ...args: unknown[]
  ) => boolean;
  const damaging = function (this: Socket, event: string | symbol, ...args: unknown[]): boolean {
    const [bytes] = args;
    if (event !== 'data' || !Buffer.isBuffer(bytes) || done || !bytes.includes(text)) return emit.call(this, event, ...args);
    done = true;
    const changed = Buffer.from(bytes);
    changed.write(into, changed.indexOf(text));
    return emit.call(this, event, changed);
  };
  Object.defineProperty(Socket.prototype, 'emit', { value: damaging, configurable: true });
  return { end: () => void Reflect.deleteProperty(Socket.prototype, 'emit') };
}
