// Runs before the first paint, so that a remembered theme does not flash; src/theme.ts does the rest.
try {
  const theme = localStorage.getItem('planimeter.theme');
  if (theme) document.documentElement.dataset.theme = theme;
} catch {
  // Storage is closed to this page: the system's theme holds.
}
