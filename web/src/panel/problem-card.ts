/** Cards that say what went wrong and what to do. */
import { h, icon, replace } from '../dom.ts';
import type { Trouble } from '../state.ts';

export interface Remedy {
  label: string;
  run(): void;
}

export function problemCard(trouble: Trouble, remedies: readonly Remedy[], dismiss?: () => void): HTMLElement {
  return h(
    'section',
    { class: 'problem', role: 'alert', 'data-testid': 'problem', 'data-code': trouble.code },
    icon('warning'),
    h(
      'div',
      { class: 'problem-text' },
      h('h2', {}, trouble.title),
      h('p', {}, trouble.detail),
      remedies.length > 0 &&
        h(
          'div',
          { class: 'actions' },
          ...remedies.map(({ label, run }) => h('button', { type: 'button', class: 'button', onclick: run }, label)),
        ),
    ),
    dismiss &&
      h(
        'button',
        { type: 'button', class: 'icon-button', 'aria-label': 'Dismiss', onclick: dismiss },
        icon('close', 18),
      ),
  );
}

/** A place for one card, which is only made anew when its trouble changes. */
export function createProblemSlot(): {
  element: HTMLElement;
  show(trouble: Trouble | null, card: () => HTMLElement): void;
} {
  const element = h('div', { class: 'problem-slot' });
  let shown: string | null = null;
  return {
    element,
    show(trouble, card) {
      const key = trouble && JSON.stringify(trouble);
      if (key === shown) return;
      shown = key;
      replace(element, trouble && card());
    },
  };
}
