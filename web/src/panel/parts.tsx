/** What panels are made of. */
import { useSignal } from '@preact/signals';
import type { ButtonHTMLAttributes, ComponentChildren, HTMLAttributes, Ref, TargetedMouseEvent } from 'preact';
import { Icon, type IconName } from '../icons.tsx';
import { t } from '../messages/index.ts';
import type { Fact } from './result/report-facts.ts';

type ButtonProps = ButtonHTMLAttributes & { ref?: Ref<HTMLButtonElement> };

/** A button whose action may take a while: busy from the click until then, when a click does nothing. */
export function ActionButton({ onClick, ...attributes }: ButtonProps) {
  const busy = useSignal(false);
  const run = async (event: TargetedMouseEvent<HTMLButtonElement>) => {
    if (busy.value) return;
    const done: unknown = onClick?.call(event.currentTarget, event);
    if (!(done instanceof Promise)) return;
    busy.value = true;
    await done.finally(() => (busy.value = false));
  };
  return <button type="button" {...attributes} aria-busy={busy.value} onClick={run} />;
}

/** `class` adds to its look: primary, danger. */
export function Button({ class: look, ...attributes }: ButtonProps) {
  return <ActionButton class={look ? `button ${look}` : 'button'} {...attributes} />;
}

interface IconButtonProps extends ButtonProps {
  icon: IconName;
  /** Read to screen readers. */
  label: string;
  size?: number;
}

export function IconButton({ icon, label, size = 18, class: look, ...attributes }: IconButtonProps) {
  return (
    <ActionButton class={look ? `icon-button ${look}` : 'icon-button'} aria-label={label} {...attributes}>
      <Icon name={icon} size={size} />
    </ActionButton>
  );
}

/** A slim progress bar; `label` is read to screen readers. */
export function ProgressBar({ label, share }: { label: string; share: number }) {
  return (
    <div
      class="bar"
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(share * 100)}
    >
      <div class="bar-fill" style={scaledTo(share)} />
    </div>
  );
}

/** A bar in the colour of a class. */
export function ClassBar({ share }: { share: number }) {
  return (
    <span class="class-bar" aria-hidden="true">
      <i style={scaledTo(share)} />
    </span>
  );
}

const scaledTo = (share: number) => ({ transform: `scaleX(${share})` });

/** A large number and its unit. */
export function Figure({ value, unit }: { value: string; unit: string }) {
  return (
    <p class="figure-line">
      <span class="figure">{value}</span>
      {'\u2009'}
      <span class="figure-unit">{unit}</span>
    </p>
  );
}

export function Facts({ facts }: { facts: readonly Fact[] }) {
  return (
    <dl class="facts">
      {facts.flatMap(([name, value]) => [<dt key={name}>{name}</dt>, <dd key={`${name}=`}>{value}</dd>])}
    </dl>
  );
}

interface FindingCardProps extends HTMLAttributes<HTMLDivElement> {
  severity: string;
  code: string;
  text: string;
}

/** What is worth knowing of an image or a map; its children do something about it. */
export function FindingCard({ severity, code, text, children, ...attributes }: FindingCardProps) {
  return (
    <div class="finding" data-severity={severity} data-code={code} {...attributes}>
      {severity !== 'info' && <Icon name="warning" size={18} />}
      <div>
        <Told text={t.findings[code]} said={text} />
        {children}
      </div>
    </div>
  );
}

/** What the service said, or that in the page's language over its own words, which name and number what it is of. */
export function Told({ text, said }: { text: string | undefined; said: string }) {
  if (text === undefined) return <p>{said}</p>;
  return (
    <>
      <p>{text}</p>
      <p class="said" lang="en">
        {said}
      </p>
    </>
  );
}

interface DisclosureProps {
  title: string;
  class?: string;
  'data-testid'?: string;
  children: ComponentChildren;
  onToggle?: (open: boolean) => void;
}

/** A part of the panel that is opened by its title; far down in the panel, what was opened is scrolled into view. */
export function Disclosure({ title, class: look, children, onToggle, ...attributes }: DisclosureProps) {
  const toggled = ({ currentTarget }: { currentTarget: HTMLDetailsElement }) => {
    const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    if (currentTarget.open) currentTarget.scrollIntoView({ block: 'nearest', behavior: calm ? 'auto' : 'smooth' });
    onToggle?.(currentTarget.open);
  };
  return (
    <details {...attributes} class={look ? `disclosure ${look}` : 'disclosure'} onToggle={toggled}>
      <summary>
        <h2>{title}</h2>
        <Icon name="chevron" size={18} />
      </summary>
      {children}
    </details>
  );
}
