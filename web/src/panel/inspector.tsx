/** The card of the feature that was clicked. */
import { useSignal } from '@preact/signals';
import { bbox } from '@turf/turf';
import { useEffect } from 'preact/hooks';
import { useApp } from '../app.ts';
import { areaParts, lengthParts, percent, titleOf } from '../format.ts';
import { Icon, type IconName } from '../icons.tsx';
import type { Box } from '../map/map-view.ts';
import { t } from '../messages/index.ts';
import { getItem, makeShare, messageOf, reviewItem } from '../service/api.ts';
import { BASE } from '../service/connection.ts';
import type { FeatureJson, FeatureProperties } from '../service/types.ts';
import type { SelectedFeature } from '../state.ts';
import './inspector.css';
import { Button, ClassBar, Figure, IconButton } from './parts.tsx';
import { MadeLink } from './share.tsx';

const texts = t.inspector;
const TOLD_MS = 1600;

/** @param props.zoomTo shows a part of the map */
export function Inspector({ zoomTo }: { zoomTo: (box: Box) => void }) {
  const { selected, model } = useApp().state;
  const feature = selected.value;
  const color = model.value?.classes.find(({ name }) => name === feature?.class)?.color;
  return (
    <aside
      class="inspector"
      aria-label={texts.title}
      aria-live="polite"
      data-testid="inspector"
      hidden={!feature}
      style={{ '--class-colour': color ?? 'currentColor' }}
    >
      {feature && <Content key={feature.id} feature={feature} zoomTo={zoomTo} />}
    </aside>
  );
}

function Content({ feature, zoomTo }: { feature: SelectedFeature; zoomTo: (box: Box) => void }) {
  const { selected, service } = useApp().state;
  const copied = useSignal(false);
  const { id, collection, class: name, score, area_m2, length_m } = feature;
  const path = `/collections/${collection}/items/${id}`;
  const [value, unit] = length_m === undefined ? areaParts(area_m2 ?? 0) : lengthParts(length_m);
  const close = () => (selected.value = null);
  const address = location.origin + BASE + path;
  /** Shown where this page may not write to the clipboard. */
  const shown = useSignal(false);
  const copyLink = async () => {
    copied.value = true;
    try {
      await copy(address);
    } catch (error) {
      shown.value = true;
      throw error;
    }
  };
  return (
    <>
      <header class="inspector-head">
        <span class="chip" aria-hidden="true" />
        <h2>{titleOf(name)}</h2>
        <IconButton icon="close" label={t.close} onClick={close} />
      </header>
      <Figure value={value} unit={unit} />
      <dl class="facts">
        <dt title={texts.scoreDetail}>{texts.score}</dt>
        <dd class="score">
          {score === null ? (
            texts.noScore
          ) : (
            <>
              <ClassBar share={score} />
              {percent(score)}
            </>
          )}
        </dd>
        <dt>{texts.collection}</dt>
        <dd>{titleOf(collection)}</dd>
        <dt>{texts.id}</dt>
        <dd class="id">{id}</dd>
      </dl>
      <Review path={path} />
      <div class="actions">
        <TellingButton
          label={texts.zoomTo}
          done={texts.zoomTo}
          action={async () => zoomTo(bbox(await getItem(path)) as Box)}
        />
        <TellingButton icon="copy" label={texts.copyLink} done={texts.linkCopied} action={copyLink} />
        <TellingButton
          icon="copy"
          label={texts.copyGeoJson}
          done={texts.geoJsonCopied}
          action={async () => copy(JSON.stringify(await getItem(path), null, 2))}
        />
      </div>
      {shown.value && <MadeLink url={address} onCopied={() => (shown.value = false)} />}
      {copied.value && service.value?.caller.signed_in && <ForOthers path={path} />}
    </>
  );
}

/** Where people sign in, a feature's own link leads others to the sign-in: said, with the link that does not. */
function ForOthers({ path }: { path: string }) {
  const { job } = useApp().state;
  const made = useSignal<string | null>(null);
  const said = useSignal('');
  const make = async () => {
    said.value = '';
    try {
      const { url } = await makeShare(job.value!.id);
      made.value = new URL(path.slice(1), url).href;
    } catch (error) {
      said.value = messageOf(error).detail;
    }
  };
  return (
    <div class="for-others" data-testid="for-others">
      <p class="quiet">{texts.needsSignIn}</p>
      {made.value === null ? (
        <Button class="edits" data-testid="share-feature" onClick={make}>
          {texts.linkForAnyone}
        </Button>
      ) : (
        <MadeLink url={made.value} onCopied={() => (said.value = t.share.copied)} />
      )}
      <p class="quiet" role="status">
        {said}
      </p>
    </div>
  );
}

/** Whether the feature is right: said by those who may, and taken back by saying it again. */
function Review({ path }: { path: string }) {
  const review = useSignal<FeatureProperties['review']>(undefined);
  const said = useSignal('');
  const show = async (item: Promise<FeatureJson>) => {
    try {
      review.value = (await item).properties.review;
      said.value = '';
    } catch (error) {
      said.value = messageOf(error).detail;
    }
  };
  useEffect(() => {
    show(getItem(path));
  }, [path]);
  return (
    <div class="review edits">
      {(['accepted', 'rejected'] as const).map((each) => (
        <Button
          key={each}
          aria-pressed={review.value === each}
          data-testid={`review-${each}`}
          onClick={() => show(reviewItem(path, review.value === each ? null : each))}
        >
          {texts[each]}
        </Button>
      ))}
      <p class="quiet" role="status">
        {said}
      </p>
    </div>
  );
}

/** Rejects on pages that came over plain HTTP from elsewhere. */
const copy = async (text: string): Promise<void> => navigator.clipboard.writeText(text);

/** A button that says for a moment what became of its action. */
function TellingButton(props: { label: string; done: string; icon?: IconName; action: () => Promise<void> }) {
  const { label, done, icon, action } = props;
  const told = useSignal(label);
  const tell = (text: string) => {
    told.value = text;
    setTimeout(() => (told.value = label), TOLD_MS);
  };
  const run = () =>
    action().then(
      () => tell(done),
      () => tell(texts.failed),
    );
  return (
    <Button onClick={run}>
      {icon && <Icon name={icon} size={16} />}
      <span>{told}</span>
    </Button>
  );
}
