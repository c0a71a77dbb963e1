/** Where an image elsewhere is named by its address, on services that may read it there. */
import type { Actions } from '../actions.ts';
import { h } from '../dom.ts';
import type { State } from '../state.ts';

export function createByAddress(actions: Actions): { element: HTMLElement; render(state: State): void } {
  const input = h('input', {
    type: 'url',
    required: true,
    placeholder: 'https://…/image.tif',
    'aria-label': 'Address of a cloud-optimised GeoTIFF',
    autocomplete: 'off',
    spellcheck: 'false',
    'data-testid': 'address',
  });
  const add = h('button', { type: 'submit', class: 'button' }, 'Add by address');
  const element = h('form', { class: 'by-address', hidden: true }, input, add);
  element.addEventListener('submit', async (event) => {
    event.preventDefault();
    add.disabled = true;
    const added = await actions.addByAddress(input.value.trim());
    add.disabled = false;
    if (added) input.value = '';
  });
  return {
    element,
    render(state) {
      element.hidden = state.service?.remote_imagery !== true;
    },
  };
}
