/** The card of the feature that was clicked. */
import { useSignal } from '@preact/signals';
import { bbox } from '@turf/turf';
import { useEffect } from 'preact/hooks';
import { useApp } from '../app.ts';
import { areaParts, lengthParts, percent, titleOf } from '../format.ts';
import { Icon, type IconName } from '../icons.tsx';
import type { Box } from '../map/map-view.ts';
import { t } from '../messages/index.ts';
import { getItem, messageOf, reviewItem } from '../service/api.ts';
import type { FeatureJson, FeatureProperties } from '../service/types.ts';
import type { SelectedFeature } from '../state.ts';
import './inspector.css';
import { Button, ClassBar, Figure, IconButton } from './parts.tsx';

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
  const { selected } = useApp().state;
  const { id, collection, class: name, score, area_m2, length_m } = feature;
  const path = `/collections/${collection}/items/${id}`;
  const [value, unit] = length_m === undefined ? areaParts(area_m2 ?? 0) : lengthParts(length_m);
  const close = () => (selected.value = null);
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
          <ClassBar share={score} />
          {percent(score)}
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
        <TellingButton
          icon="copy"
          label={texts.copyLink}
          done={texts.linkCopied}
          action={() => copy(location.origin + path)}
        />
        <TellingButton
          icon="copy"
          label={texts.copyGeoJson}
          done={texts.geoJsonCopied}
          action={async () => copy(JSON.stringify(await getItem(path), null, 2))}
        />
      </div>
    </>
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

const copy = (text: string) => navigator.clipboard.writeText(text);

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
