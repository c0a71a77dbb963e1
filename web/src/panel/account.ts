/** Who looks at the page: what he may not do is not shown, and who signed in can sign out. */

import { h, icon } from '../dom.ts';
import { signOut } from '../service/api.ts';
import type { State } from '../state.ts';

export function createCaller(): { element: HTMLElement; render(state: State): void } {
  const element = h(
    'button',
    { type: 'button', class: 'icon-button', 'data-testid': 'sign-out', hidden: true },
    icon('leave', 19),
  );
  element.addEventListener('click', () => void signOut().then(() => location.assign('/session')));
  return {
    element,
    render({ service }) {
      if (!service) return;
      const { name, role, signed_in, job } = service.caller;
      document.body.dataset.role = role;
      document.body.classList.toggle('by-link', job !== null);
      element.hidden = !signed_in;
      const label = `Sign out (${name})`;
      element.setAttribute('aria-label', label);
      element.title = label;
    },
  };
}
