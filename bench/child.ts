/**
 * A child process of the bench and the questions it answers: the parent's half (`startChild`) and the child's half
 * (`answerParent`). Questions travel over fork's IPC channel, beside the HTTP traffic that is measured.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';

interface Question {
  readonly id: number;
  readonly name: string;
  readonly payload: unknown;
}

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** What every child says first: that it is up, and where it listens if it does. */
interface Ready {
  readonly ready: true;
  readonly port: number;
}

export interface Child {
  /** Where the child listens on 127.0.0.1; 0 when it doesn't. */
  readonly port: number;
  /** Asks the child; rejects with the child's error, when the child dies, or after two minutes. */
  ask<T>(name: string, payload?: unknown): Promise<T>;
  /** Ends the child and waits until it is gone. */
  stop(): Promise<void>;
}

const ANSWER_WITHIN = 120_000;
const STOP_WITHIN = 10_000;

/** What a child runs: a compiled module, and the arguments it is given. */
export interface Program {
  readonly module: URL;
  readonly args?: readonly string[];
}

/** Starts a child. All children get the same Node flags, and NODE_ENV=production. */
export async function startChild({ module, args = [] }: Program): Promise<Child> {
  const child = fork(module, args, {
    execArgv: ['--expose-gc'],
    env: { ...process.env, NODE_ENV: 'production' },
  });
  const pending = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let lastId = 0;
  const failAll = (why: string) => {
    for (const { reject } of pending.values()) reject(new Error(why));
    pending.clear();
  };
  const exited = once(child, 'exit');
  void exited.then(([code, signal]) => failAll(`${module.pathname} ended (${code ?? signal})`));

  const expect = <T>(id: number, what: string): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${module.pathname}: no answer to ${what}`)), ANSWER_WITHIN);
      pending.set(id, {
        resolve: (value) => {
          clearTimeout(timer);
          resolve(value as T);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
    });

  child.on('message', (message: Answer | Ready) => {
    const answer: Answer = 'ready' in message ? { id: 0, value: message.port } : message;
    const waiting = pending.get(answer.id);
    pending.delete(answer.id);
    if (answer.error === undefined) waiting?.resolve(answer.value);
    else waiting?.reject(new Error(answer.error));
  });

  const port = await expect<number>(0, 'start');
  return {
    port,
    ask: <T>(name: string, payload?: unknown) => {
      const id = ++lastId;
      const answer = expect<T>(id, name);
      child.send({ id, name, payload } satisfies Question);
      return answer;
    },
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN);
      if (child.connected) child.disconnect();
      await exited;
      clearTimeout(timer);
    },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: the payload is what the parent's half sent under the same name
export type Answers = Readonly<Record<string, (payload: any) => unknown>>;

/** Answers the parent's questions until it disconnects; then this process ends. */
export function answerParent(answers: Answers, port = 0): void {
  const reply = (message: Answer | Ready) => process.send?.(message);
  process.on('message', async ({ id, name, payload }: Question) => {
    try {
      const answer = answers[name];
      if (answer === undefined) throw new Error(`unknown question: ${name}`);
      reply({ id, value: await answer(payload) });
    } catch (error) {
      reply({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  });
  process.once('disconnect', () => process.exit(0));
  reply({ ready: true, port });
}
