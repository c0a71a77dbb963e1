/** Where an image elsewhere is named by its URL, on services that may read it there. */
import { useSignal } from '@preact/signals';
import { addByUrl } from '../actions/add-image.ts';
import { useApp } from '../app.ts';
import { t } from '../messages/index.ts';

export function AddByUrl() {
  const app = useApp();
  const url = useSignal('');
  const adding = useSignal(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    adding.value = true;
    if (await addByUrl(app, url.value.trim())) url.value = '';
    adding.value = false;
  };
  return (
    <form class="add-by-url" hidden={app.state.service.value?.remote_imagery !== true} onSubmit={submit}>
      <input
        type="url"
        required
        placeholder="https://…/image.tif"
        aria-label={t.addImage.url}
        autocomplete="off"
        spellcheck={false}
        data-testid="address"
        value={url}
        onInput={({ currentTarget }) => (url.value = currentTarget.value)}
      />
      <button type="submit" class="button" aria-busy={adding} disabled={adding}>
        {t.addImage.addByUrl}
      </button>
    </form>
  );
}
