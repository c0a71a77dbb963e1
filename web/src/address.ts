/** The fragment of the page's address: `#scene=…&map=…`, of which MapLibre writes the map's place itself. */

export const inAddress = (name: string): string | null => new URLSearchParams(location.hash.slice(1)).get(name);

/** Null takes it out. What else stands in the fragment stays as it is, letter by letter. */
export function writeToAddress(name: string, value: string | null): void {
  const others = location.hash
    .slice(1)
    .split('&')
    .filter((part) => part !== '' && part.split('=')[0] !== name);
  const parts = value === null ? others : [...others, `${name}=${readable(value)}`];
  const hash = parts.length > 0 ? `#${parts.join('&')}` : '';
  if (hash !== location.hash) history.replaceState(history.state, '', hash || location.pathname + location.search);
}

/** Signs that mean nothing in a fragment stay readable. */
const readable = (value: string): string =>
  encodeURIComponent(value).replace(/%(2C|2F|3A|3B|40)/g, (escaped) => decodeURIComponent(escaped));
