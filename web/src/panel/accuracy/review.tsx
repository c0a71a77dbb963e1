/**
 * The screen on which somebody looks at one point after the other: the imagery with a square, and nothing of what the map
 * says. One key a class; fingers have buttons.
 */
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { useApp } from '../../app.ts';
import { count, titleOf } from '../../format.ts';
import { imageryQuery } from '../../job-settings.ts';
import { t } from '../../messages/index.ts';
import { messageOf } from '../../service/api.ts';
import type { JobJson, NextPointJson, SampleJson, SampleProgress } from '../../service/types.ts';
import { IconButton } from '../parts.tsx';
import { answerPoint, type Reviewer, takeNextPoint } from './requests.ts';
import { createReviewMap, type ReviewMap } from './review-map.ts';

const texts = t.accuracy.dialog;
/** Of classes in their order; 0 is "cannot tell". */
const KEYS = '123456789abcdefghijklmnopqrstuvwxyz';
const CANNOT_TELL = '0';

type Point = NonNullable<NextPointJson['point']>;

interface ReviewDialogProps {
  job: JobJson;
  sample: SampleJson;
  by: Reviewer;
  onClose: () => void;
}

export function ReviewDialog({ job, sample, by, onClose }: ReviewDialogProps) {
  const { state } = useApp();
  const dialog = useRef<HTMLDialogElement>(null);
  const place = useRef<HTMLDivElement>(null);
  const map = useRef<ReviewMap | null>(null);
  /** Points that were looked at since the screen was opened, in that order, and what was said of them. */
  const seen = useSignal<readonly { point: Point; class?: string | null }[]>([]);
  /** Which of them is shown; behind the last one there is none for this person. */
  const at = useSignal(-1);
  const progress = useSignal<SampleProgress>(sample.progress);
  const status = useSignal(t.accuracy.loading);
  const busy = useRef(false);
  const shownSince = useRef(0);

  const show = (index: number) => {
    at.value = index;
    shownSince.current = performance.now();
    const shown = seen.value[index];
    if (shown) map.current?.show(shown.point);
  };
  const attempt = async (action: () => Promise<void>) => {
    if (busy.current) return;
    busy.current = true;
    try {
      status.value = '';
      await action();
    } catch (error) {
      status.value = messageOf(error).detail;
    } finally {
      busy.current = false;
    }
  };
  const next = async () => {
    if (at.value + 1 < seen.value.length) return show(at.value + 1);
    const answer = await takeNextPoint(job.id, sample.id, by);
    progress.value = answer.progress;
    if (answer.point) seen.value = [...seen.value, { point: answer.point }];
    else status.value = texts.done;
    show(answer.point ? seen.value.length - 1 : seen.value.length);
  };
  const say = (name: string | null) =>
    attempt(async () => {
      const shown = seen.value[at.value];
      if (!shown) return;
      const seconds = Math.min(86_400, (performance.now() - shownSince.current) / 1000);
      const answer = { point: shown.point.number, class: name, seconds, ...by };
      progress.value = await answerPoint(job.id, sample.id, answer);
      seen.value = seen.value.map((each) => (each === shown ? { ...each, class: name } : each));
      await next();
    });
  const back = () => {
    if (at.value > 0 && !busy.current) {
      status.value = '';
      show(at.value - 1);
    }
  };

  useEffect(() => {
    dialog.current!.showModal();
    dialog.current!.focus(); // and not a button: keys are classes
    const view = createReviewMap(
      place.current!,
      state.scene.value!,
      imageryQuery(state.settingsShown.value),
      (error) => {
        status.value = messageOf(error).detail;
      },
    );
    map.current = view;
    attempt(next);
    return () => view.remove();
  }, []);

  const choices = [
    ...sample.classes.map(({ name, color }, i) => ({ key: KEYS[i] ?? '', name, color, title: titleOf(name) })),
    { key: CANNOT_TELL, name: null, color: null, title: texts.cannotTell },
  ];
  const pressed = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.toLowerCase();
    const choice = choices.find((each) => each.key === key);
    if (choice) say(choice.name);
    else if (key === 'backspace' || key === 'arrowleft') back();
    else if (key === '+' || key === '=') map.current?.zoomBy(1);
    else if (key === '-') map.current?.zoomBy(-1);
    else return;
    event.preventDefault();
  };
  const shown = seen.value[at.value];
  const { answered, points } = progress.value;
  return (
    <dialog
      ref={dialog}
      tabIndex={-1}
      class="review"
      aria-label={texts.title}
      onClose={onClose}
      onKeyDown={pressed}
      data-testid="review"
    >
      <div class="review-map" ref={place} />
      <div class="review-top">
        <p data-testid="review-point">
          {shown ? texts.point(count(shown.point.number), count(answered), count(points)) : texts.title}
        </p>
        <IconButton icon="minus" label={texts.zoomOut} onClick={() => map.current?.zoomBy(-1)} />
        <IconButton icon="plus" label={texts.zoomIn} onClick={() => map.current?.zoomBy(1)} />
        <IconButton icon="close" label={t.close} onClick={() => dialog.current?.close()} />
      </div>
      <div class="review-foot">
        <p class="review-status" role="status">
          {status.value || texts.hint}
        </p>
        {/* biome-ignore lint/a11y/useSemanticElements: a fieldset is for forms. */}
        <div class="review-choices" role="group" aria-label={texts.hint}>
          {choices.map(({ key, name, color, title }) => (
            <button
              type="button"
              class="review-choice"
              key={title}
              disabled={!shown}
              aria-pressed={shown?.class === name}
              aria-keyshortcuts={key}
              onClick={() => say(name)}
            >
              {key && <kbd>{key.toUpperCase()}</kbd>}
              {color && <i style={{ background: color }} aria-hidden="true" />}
              {title}
            </button>
          ))}
          <button
            type="button"
            class="review-choice"
            disabled={at.value <= 0}
            aria-keyshortcuts="ArrowLeft"
            onClick={back}
          >
            <kbd>←</kbd>
            {texts.back}
          </button>
        </div>
        <p class="review-keys quiet">
          {texts.keys(`1–${KEYS[Math.min(sample.classes.length, KEYS.length) - 1]!.toUpperCase()}`)}
        </p>
      </div>
    </dialog>
  );
}
