/** Ends a session, after asking. */
import { useRef } from 'preact/hooks';

export interface TerminateButtonProps {
  readonly what: string;
  readonly inFlight: number;
  readonly onTerminate: () => void;
}

export function TerminateButton({ what, inFlight, onTerminate }: TerminateButtonProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  return (
    <>
      <button type="button" class="danger" onClick={() => dialog.current?.showModal()}>
        End this session…
      </button>
      <dialog
        ref={dialog}
        aria-label="End this session?"
        onKeyDown={(event) => event.stopPropagation()} // Esc closes this alone
      >
        <p>
          End the session <b>{what}</b>?{' '}
          {inFlight === 0 ? 'Nothing of it is in flight.' : `${inFlight} in flight will be answered with an error.`} Its
          client has to initialize again.
        </p>
        <p class="actions">
          <button type="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button
            type="button"
            class="danger"
            onClick={() => {
              dialog.current?.close();
              onTerminate();
            }}
          >
            End it
          </button>
        </p>
      </dialog>
    </>
  );
}
