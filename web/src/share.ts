/** Links that show the job on the page to whoever has them: made, copied, revoked. */
import type { ShareJson } from '../../server/api/index.ts';
import { getShares, makeShare, revokeShare, troubleOf } from './api.ts';
import { h, icon, replace, setText } from './dom.ts';
import type { State } from './state.ts';

const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });

export function createShare(): { element: HTMLElement; render(state: State): void } {
  const said = h('p', { class: 'quiet', role: 'status' });
  const made = h('div', { class: 'share-made', hidden: true });
  const list = h('ul', { class: 'shares' });
  const make = h('button', { type: 'button', class: 'button', 'data-testid': 'share' }, 'Make a link');
  const element = h(
    'details',
    { class: 'disclosure edits', 'data-testid': 'sharing' },
    h('summary', {}, 'Share', icon('chevron', 18)),
    h(
      'div',
      { class: 'disclosed' },
      h(
        'p',
        { class: 'quiet' },
        'Whoever has the link sees this map and its features, and nothing else, without signing in.',
      ),
      make,
      made,
      said,
      list,
    ),
  );
  let job: string | null = null;

  const attempt = async (action: () => Promise<void>) => {
    try {
      setText(said, '');
      await action();
    } catch (error) {
      setText(said, troubleOf(error).detail);
    }
  };
  const refresh = async () => {
    if (!job) return;
    const shares = await getShares(job);
    replace(list, ...shares.map(row));
  };
  const row = ({ id, created_at, expires_at }: ShareJson) =>
    h(
      'li',
      {},
      h('span', {}, `Made ${DAY.format(new Date(created_at))}, good until ${DAY.format(new Date(expires_at))}`),
      h(
        'button',
        {
          type: 'button',
          class: 'link',
          onclick: () =>
            void attempt(async () => {
              await revokeShare(id);
              made.hidden = true;
              setText(said, 'Revoked: the link shows nothing any more.');
              await refresh();
            }),
        },
        'Revoke',
      ),
    );
  const show = (url: string) => {
    const address = h('input', {
      readonly: true,
      value: url,
      'aria-label': 'Address of the link',
      'data-testid': 'link',
    });
    const copy = h('button', { type: 'button', class: 'button' }, icon('copy', 18), 'Copy');
    address.addEventListener('focus', () => address.select());
    copy.addEventListener('click', () =>
      // Pages that came over plain HTTP from elsewhere may not write to the clipboard; then it is selected to be copied.
      Promise.resolve(navigator.clipboard?.writeText(url) ?? Promise.reject(new Error('no clipboard'))).then(
        () => setText(said, 'Copied.'),
        () => address.focus(),
      ),
    );
    replace(made, address, copy);
    made.hidden = false;
  };
  make.addEventListener(
    'click',
    () =>
      void attempt(async () => {
        if (!job) return;
        const { url } = await makeShare(job);
        show(url);
        setText(said, 'It is shown this once: copy it now.');
        await refresh();
      }),
  );
  element.addEventListener('toggle', () => element.open && void attempt(refresh));
  return {
    element,
    render(state) {
      const shown = state.job?.state === 'done' ? state.job.id : null;
      if (shown === job) return;
      job = shown;
      made.hidden = true;
      setText(said, '');
      replace(list);
      if (element.open) void attempt(refresh);
    },
  };
}
