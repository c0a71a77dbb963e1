/** Parts of the page that are loaded when they are first shown. */
import { type Signal, signal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect } from 'preact/hooks';
import { reconnected } from './service/connection.ts';

export function later<Props extends object>(load: () => Promise<ComponentType<Props>>): ComponentType<Props> {
  const part: Signal<ComponentType<Props> | null> = signal(null);
  const ask = (): Promise<void> =>
    load().then(
      (loaded) => {
        part.value = loaded;
      },
      // The connection broke.
      () => reconnected().then(ask),
    );
  return function Later(props: Props) {
    useEffect(() => {
      if (!part.value) ask();
    }, []);
    const Part = part.value;
    return Part && <Part {...props} />;
  };
}
