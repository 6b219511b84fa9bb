/** The process of a session whose server is one: where it is in its life, how the last one ended, and what that said last. */
import type { ChildLine } from '../../src/inspector/protocol.ts';

export function ChildView({ child: { state, pid, generation, exit, gaveUp, stderr } }: { readonly child: ChildLine }) {
  return (
    <section class="child" aria-label="Its process">
      <p>
        process <span class={`badge child-${state}`}>{state}</span>
        {pid !== null && state !== 'gone' && <span class="soft"> pid {pid}</span>}
        {generation > 1 && <span class="soft"> the {ordinal(generation)} of its session</span>}
      </p>
      {exit !== null && (
        <p class="exit">
          {state === 'gone' ? 'It' : 'The last one that ended'}{' '}
          {exit.signal === null ? `exited with code ${exit.code ?? 0}` : `was ended by ${exit.signal}`}
          {gaveUp && ', and had been started again too often'}.
        </p>
      )}
      {stderr !== null && (
        <>
          <p class="soft">It said last:</p>
          <pre>{stderr}</pre>
        </>
      )}
    </section>
  );
}

function ordinal(n: number): string {
  const last = n % 100 > 10 && n % 100 < 14 ? 0 : n % 10;
  return `${n}${['th', 'st', 'nd', 'rd'][last] ?? 'th'}`;
}
