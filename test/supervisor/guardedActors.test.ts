/** Who watches an actor is told what he asked for, and hurts nobody when he throws. */
import { expect, test } from 'vitest';
import { guardedObserver } from '../../src/supervisor/guardedActors.ts';

const error = new Error('of an actor');

test('an observer is told all that it listens to', () => {
  const told: unknown[] = [];
  const observer = guardedObserver<number>(
    { next: (value) => told.push(value), error: (of) => told.push(of), complete: () => told.push('complete') },
    (failure) => told.push(['failed', failure]),
  );
  observer.next?.(1);
  observer.error?.(error);
  observer.complete?.();
  expect(told).toEqual([1, error, 'complete']);
});

test('one that listens to nothing has not failed', () => {
  const failures: unknown[] = [];
  const observer = guardedObserver({}, (failure) => failures.push(failure));
  observer.next?.(1);
  observer.error?.(error);
  observer.complete?.();
  expect(failures).toEqual([]);
});

test('what it throws, whenever it does, is told and goes no further', () => {
  const failures: unknown[] = [];
  const broken = () => {
    throw new Error('broken observer');
  };
  const observer = guardedObserver({ next: broken, error: broken, complete: broken }, (failure) =>
    failures.push(failure),
  );
  observer.next?.(1);
  observer.error?.(error);
  observer.complete?.();
  expect(failures).toEqual(Array(3).fill(new Error('broken observer')));
});
