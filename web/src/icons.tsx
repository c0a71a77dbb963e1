/** Icons and the product's mark. */

const MARK_OUTLINE =
  'M24.600 8.800C21.800 4.900 16.600 3.600 12 5.400 7 7.400 3.600 12 4.200 17.200c.5 4.300 3.900 5.400 6.400 7.600 2.600 2.300 4.900 4.300 8.700 3.200 3.700-1.100 3.600-4.600 5.600-7.200 1.400-1.800 2.900-3 3-5.500';
const ICONS = {
  close: 'M6 6l12 12M18 6L6 18',
  plus: 'M12 5v14M5 12h14',
  minus: 'M5 12h14',
  frame: 'M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5',
  upload: 'M12 16V4M7 9l5-5 5 5M4 16v4h16v-4',
  download: 'M12 4v11M7 11l5 5 5-5M4 20h16',
  trash: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13',
  check: 'M5 12.500l4.500 4.500L19 7.500',
  chevron: 'M7 10l5 5 5-5',
  pause: 'M9 5v14M15 5v14',
  play: 'M8 5l11 7-11 7z',
  leave: 'M14 4H5v16h9M10 12h10M16 8l4 4-4 4',
  copy: 'M9 9h11v11H9zM15 9V4H4v11h5',
  sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8ZM12 2v2.500M12 19.500V22M2 12h2.500M19.500 12H22M5 5l1.700 1.700M17.300 17.300 19 19M19 5l-1.700 1.700M6.700 17.300 5 19',
  moon: 'M20 14.500A8.500 8.500 0 0 1 9.500 4 8.500 8.500 0 1 0 20 14.500Z',
  system: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18ZM12 3v18M12 7.500h8M12 12h9M12 16.500h8',
  find: 'M10.500 4a6.500 6.500 0 1 0 0 13 6.500 6.500 0 0 0 0-13ZM15.500 15.500 20 20',
  ruler: 'M3 16 16 3l5 5L8 21zM7 12l2.500 2.500M10 9l1.500 1.500M13 6l2.500 2.500',
  target: 'M12 2.500v6M12 15.500v6M2.500 12h6M15.500 12h6M12 11.900v.2',
  table: 'M3.500 5h17v14h-17zM3.500 9.700h17M3.500 14.300h17M9.500 9.700V19',
  warning: 'M12 4 2.500 20h19ZM12 10v5M12 17.400v.2',
} as const;

export type IconName = keyof typeof ICONS;

/** A 24-unit line icon in the text's colour, silent to screen readers. */
export function Icon({ name, size = 20 }: { name: IconName; size?: number }) {
  return (
    <svg viewBox="0 0 24 24" width={size} height={size} aria-hidden="true" class={`icon icon-${name}`}>
      <path d={ICONS[name]} />
    </svg>
  );
}

/** The product's mark: an outline on its way round, the tracer ahead of it. As in public/mark.svg. */
export function Mark({ size }: { size: number }) {
  return (
    <svg viewBox="0 0 32 32" width={size} height={size} aria-hidden="true">
      <path class="outline" d={MARK_OUTLINE} />
      <circle class="tracer" cx="25" cy="9.4" r="4.2" />
    </svg>
  );
}
