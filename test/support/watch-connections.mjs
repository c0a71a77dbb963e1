/**
 * Loaded into a process and, by NODE_OPTIONS, into all that it starts: writes down every connection and every look-up of
 * a name to the file WATCHED_CONNECTIONS, one line of JSON each. Nothing is held back.
 */
import dgram from 'node:dgram';
import dns from 'node:dns';
import { appendFileSync } from 'node:fs';
import net from 'node:net';
import { isMainThread } from 'node:worker_threads';

const note = (what, where) =>
  appendFileSync(process.env.WATCHED_CONNECTIONS, `${JSON.stringify({ pid: process.pid, what, where })}\n`);

/** Calls `look` with the arguments before the function itself. */
function watch(object, name, look) {
  const original = object[name];
  object[name] = function (...args) {
    look(...args);
    return original.apply(this, args);
  };
}

watch(net.Socket.prototype, 'connect', (...args) => {
  // Node's own callers hand over what they have normalised already.
  const [first, second] = Array.isArray(args[0]) ? args[0] : args;
  if (typeof first === 'object' && first !== null) note('connect', first.path ?? first.host ?? 'localhost');
  else if (typeof first === 'number') note('connect', typeof second === 'string' ? second : 'localhost');
  else note('connect', String(first));
});
watch(dgram.Socket.prototype, 'send', (...args) => note('send', String(args.find((arg) => typeof arg === 'string'))));
for (const names of [dns, dns.promises]) {
  for (const name of Object.keys(names).filter((each) => /^(lookup|resolve|reverse)/.test(each))) {
    watch(names, name, (host) => note(name, String(host)));
  }
}
note('watching', isMainThread ? process.argv[1] : 'a thread');
