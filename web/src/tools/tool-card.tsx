/** The card that every tool has: its name, and the button that puts it away. */
import type { ComponentChildren } from 'preact';
import { useApp } from '../app.ts';
import { t } from '../messages/index.ts';
import { IconButton } from '../panel/parts.tsx';

interface CardProps {
  title: string;
  children: ComponentChildren;
  'data-testid': string;
}

export function ToolCard({ title, children, ...attributes }: CardProps) {
  const { tool } = useApp().state;
  return (
    <section class="tool-card" aria-label={title} {...attributes}>
      <header class="tool-head">
        <h2>{title}</h2>
        <IconButton icon="close" label={t.close} onClick={() => (tool.value = null)} />
      </header>
      {children}
    </section>
  );
}
