/** A card that says what went wrong and what to do; its children are the buttons that do it. */
import type { ComponentChildren } from 'preact';
import { Icon } from '../icons.tsx';
import { t } from '../messages/index.ts';
import type { ErrorMessage } from '../service/api.ts';
import { IconButton, Told } from './parts.tsx';

export function ProblemCard(props: { error: ErrorMessage; children?: ComponentChildren; onDismiss?: () => void }) {
  const { error, children, onDismiss } = props;
  return (
    <section class="problem" role="alert" data-testid="problem" data-code={error.code}>
      <Icon name="warning" />
      <div class="problem-text">
        <h2>{error.title}</h2>
        <Told text={error.said && error.detail} said={error.said ?? error.detail} />
        {children && <div class="actions">{children}</div>}
      </div>
      {onDismiss && <IconButton icon="close" label={t.error.dismiss} onClick={onDismiss} />}
    </section>
  );
}
