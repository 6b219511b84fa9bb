/** Attacks with handles: any schedule of them, and contexts that do not tell who asks. */
import type { Attack } from './attacks.ts';

const SEEDS = 40;

const underAnySchedule: Attack = {
  name: 'handles under any schedule',
  async run(kit, { createSessionSupervisor: create }) {
    for (let seed = 1; seed <= SEEDS; seed++) await kit.simulateHandles({ seed, create });
    return undefined;
  },
};

const CONTEXTS = [undefined, {}, { sessionId: 'gone' }, { requestInfo: { headers: {} } }, { http: { authInfo: {} } }];

const ofNobodyKnows: Attack = {
  name: 'handles of nobody knows whom',
  async run(_, { createSessionSupervisor }) {
    const supervisor = createSessionSupervisor({ server: () => Promise.reject(new Error('none')), logger: () => {} });
    const { create } = supervisor.handles('thing', { open: () => 1, close: () => {} });
    for (const context of CONTEXTS) {
      const told = await create(context as never).catch(({ code }: { code: string }) => code);
      if (told !== 'NO_PRINCIPAL') return `${JSON.stringify(context)} got ${told}`;
    }
    await supervisor.drain();
    return undefined;
  },
};

export const HANDLE_ATTACKS: readonly Attack[] = [ofNobodyKnows, underAnySchedule];
