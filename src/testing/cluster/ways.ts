/** The ways between the processes of a simulated cluster and what they share: how long they take, and what they lose. */
import type { SimulatedProcess } from './simulatedProcess.ts';
import type { WorldTime } from './worldTime.ts';

/** How long whoever asks waits for an answer that is lost, in ms. */
const LOST_AFTER = 1_500;

/** Numbers from 0 to 1. */
export type Numbers = () => number;

/** What is wrong with a way at the moment. */
export interface Weather {
  /** Nothing gets there; nothing comes back. */
  there: boolean;
  back: boolean;
  slow: boolean;
  /** Of what is sent, such a part is lost. */
  loses: number;
}

export const FAIR: Readonly<Weather> = { there: true, back: true, slow: false, loses: 0 };

/** How long something is on its way, in ms. */
export function delayOf(numbers: Numbers, slow: boolean): number {
  return slow ? 50 + Math.floor(numbers() * 900) : Math.floor(numbers() * 4);
}

/** The one connection of a process to a store or a directory: what is asked gets there in order, and its answers back. */
export class Way {
  weather: Weather = { ...FAIR };
  readonly #process: SimulatedProcess;
  readonly #time: WorldTime;
  readonly #numbers: Numbers;
  #there = 0;
  #back = 0;

  constructor(process: SimulatedProcess, time: WorldTime, numbers: Numbers) {
    this.#process = process;
    this.#time = time;
    this.#numbers = numbers;
  }

  /** Has something asked. A process that is dead hears nothing; what is lost on the way rejects. */
  ask<T>(operate: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#process.dead) return;
      const asked = this.#time.now;
      const lost = () => {
        this.#time.after(asked + LOST_AFTER - this.#time.now, () =>
          this.#process.deliver(() => reject(new Error('There was no answer'))),
        );
      };
      if (!this.weather.there || this.#isLost()) return lost();
      this.#there = Math.max(this.#there, asked + this.#delay());
      this.#time.after(this.#there - asked, () => {
        const answer = (settle: () => void) => {
          if (!this.weather.back || this.#isLost()) return lost();
          this.#back = Math.max(this.#back, this.#time.now + this.#delay());
          if (this.#back > asked + LOST_AFTER) return lost();
          this.#time.after(this.#back - this.#time.now, () => this.#process.deliver(settle));
        };
        operate().then(
          (value) => answer(() => resolve(value)),
          (error: unknown) => answer(() => reject(error)),
        );
      });
    });
  }

  #isLost(): boolean {
    return this.weather.loses > 0 && this.#numbers() < this.weather.loses;
  }

  #delay(): number {
    return Math.min(delayOf(this.#numbers, this.weather.slow), LOST_AFTER - 1);
  }
}
