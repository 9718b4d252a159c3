import assert from 'node:assert/strict';
import { test } from 'node:test';
import { facade } from './harness/facade.mjs';

const { load } = await facade('events');
const { Emitter } = await load('events.js');

test('a listener that is added or removed during an event changes the next one only', () => {
  const emitter = new Emitter();
  const heard = [];
  const late = () => heard.push('late');
  const second = () => heard.push('second');
  emitter.on('event', () => {
    heard.push('first');
    emitter.on('event', late);
    emitter.off('event', second);
  });
  emitter.on('event', second);
  emitter._emit('event');
  assert.deepEqual(heard, ['first', 'second']);
  heard.length = 0;
  emitter._emit('event');
  assert.deepEqual(heard, ['first', 'late']);
});

test('one listener’s exception reaches neither the others nor the emitter, and is reported', (context) => {
  const emitter = new Emitter();
  const failure = new Error('mine');
  const report = context.mock.method(console, 'error', () => {});
  let heard = 0;
  emitter.on('event', () => { throw failure; });
  emitter.on('event', () => { heard += 1; });
  emitter._emit('event');
  assert.equal(heard, 1);
  assert.equal(report.mock.calls[0].arguments[0], failure);
});

test('off with a stranger is ignored; off takes one registration back', () => {
  const emitter = new Emitter();
  let heard = 0;
  const listener = () => { heard += 1; };
  emitter.off('event', listener);
  emitter.on('event', listener);
  emitter.on('event', listener);
  emitter.off('event', () => {});
  emitter.off('event', listener);
  emitter._emit('event');
  assert.equal(heard, 1);
  emitter.off('event', undefined);
});

test('a listener that is no function is an error with a code', () => {
  assert.throws(() => new Emitter().on('event', undefined), { name: 'CommunicationServicesError', code: 400, subCode: 59202 });
});

test('arguments arrive as they were given', () => {
  const emitter = new Emitter();
  emitter.on('event', (...args) => assert.deepEqual(args, [1, { two: 2 }]));
  emitter._emit('event', 1, { two: 2 });
});
