/** What strokes are painted with: a bar over the map, so that on phones the sheet may be down. */
import type { ReadonlySignal, Signal } from '@preact/signals';
import { titleOf } from '../../format.ts';
import { t } from '../../messages/index.ts';

const texts = t.teach;

export interface Brush {
  name: string;
  color: string;
}

interface PaintBarProps {
  brushes: ReadonlySignal<readonly Brush[]>;
  /** Name of the class that is painted; null: the map is moved. */
  chosen: Signal<string | null>;
  canUndo: ReadonlySignal<boolean>;
  undo: () => void;
}

export function PaintBar({ brushes, chosen, canUndo, undo }: PaintBarProps) {
  return (
    <section class="paint-bar" aria-label={texts.bar} data-testid="paint-bar">
      <Choice
        label={texts.move}
        color={null}
        hint="0"
        on={chosen.value === null}
        choose={() => (chosen.value = null)}
      />
      {brushes.value.map(({ name, color }, i) => (
        <Choice
          key={name}
          label={titleOf(name)}
          color={color}
          hint={i < 9 ? String(i + 1) : ''}
          on={chosen.value === name}
          choose={() => (chosen.value = name)}
        />
      ))}
      <button type="button" class="paint-choice" disabled={!canUndo.value} onClick={undo} title={texts.undoKeys}>
        {texts.undo}
      </button>
    </section>
  );
}

interface ChoiceProps {
  label: string;
  color: string | null;
  hint: string;
  on: boolean;
  choose: () => void;
}

function Choice({ label, color, hint, on, choose }: ChoiceProps) {
  return (
    <button type="button" class="paint-choice" aria-pressed={on} aria-keyshortcuts={hint || undefined} onClick={choose}>
      {color && <i style={{ backgroundColor: color }} />}
      {label}
      {hint && <small aria-hidden="true">{hint}</small>}
    </button>
  );
}
