/** Links that show the job on the page to whoever has them: made, copied, revoked. */
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { useApp } from '../app.ts';
import { day } from '../format.ts';
import { Icon } from '../icons.tsx';
import { t } from '../messages/index.ts';
import { getShares, makeShare, messageOf, OFFLINE, revokeShare, ServiceError } from '../service/api.ts';
import type { ShareJson } from '../service/types.ts';
import { ActionButton, Button, Disclosure } from './parts.tsx';
import './share.css';

const texts = t.share;

export function Share() {
  const { doneJob } = useApp().state;
  const open = useSignal(false);
  const toggled = (now: boolean) => (open.value = now);
  const job = doneJob.value?.id;
  return (
    <Disclosure class="edits" data-testid="sharing" title={texts.title} onToggle={toggled}>
      <div class="disclosed">{job && <Links key={job} job={job} listed={open.value} />}</div>
    </Disclosure>
  );
}

function Links({ job, listed }: { job: string; listed: boolean }) {
  const said = useSignal('');
  /** The one that was made, which is shown once. */
  const made = useSignal<string | null>(null);
  const shares = useSignal<readonly ShareJson[]>([]);

  const refresh = async () => (shares.value = await getShares(job));
  const attempt = async (action: () => Promise<string>) => {
    try {
      said.value = '';
      const done = await action();
      await refresh();
      said.value = done;
    } catch (error) {
      said.value = messageOf(error).detail;
    }
  };
  const create = async () => {
    const share = await makeShare(job).catch((error: unknown) => {
      if (error instanceof ServiceError && error.code === OFFLINE.code) return null;
      throw error;
    });
    made.value = share?.url ?? null;
    return share ? texts.shownOnce : texts.lost;
  };
  const revoke = async (id: string) => {
    await revokeShare(id);
    made.value = null;
    return texts.revoked;
  };
  useEffect(() => {
    if (listed) attempt(async () => '');
  }, [listed]);

  return (
    <>
      <p class="quiet">{texts.detail}</p>
      <Button data-testid="share" onClick={() => attempt(create)}>
        {texts.create}
      </Button>
      {made.value && <MadeLink url={made.value} onCopied={() => (said.value = texts.copied)} />}
      <p class="quiet" role="status">
        {said}
      </p>
      <ul class="shares">
        {shares.value.map(({ id, created_at, expires_at }) => (
          <li key={id}>
            <span>{texts.validity(day(created_at), day(expires_at))}</span>
            <ActionButton class="link" onClick={() => attempt(() => revoke(id))}>
              {texts.revoke}
            </ActionButton>
          </li>
        ))}
      </ul>
    </>
  );
}

/** A link that is shown this once, to be copied. */
export function MadeLink({ url, onCopied }: { url: string; onCopied: () => void }) {
  const address = useRef<HTMLInputElement>(null);
  // Pages that came over plain HTTP from elsewhere may not write to the clipboard; then it is selected to be copied.
  const copy = () =>
    Promise.resolve(navigator.clipboard?.writeText(url) ?? Promise.reject(new Error('no clipboard'))).then(
      onCopied,
      () => address.current?.focus(),
    );
  return (
    <div class="share-made">
      <input
        ref={address}
        class="text"
        readOnly
        value={url}
        aria-label={texts.address}
        data-testid="link"
        onFocus={({ currentTarget }) => currentTarget.select()}
      />
      <Button onClick={copy}>
        <Icon name="copy" size={18} />
        {texts.copy}
      </Button>
    </div>
  );
}
