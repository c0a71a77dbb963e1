/** What the logs of services and workers call an error, for tests that end in a failure somewhere else. */
let said = '';

export function hear(chunk: Buffer): void {
  said += chunk;
}

export const complaints = (): string[] =>
  said.split('\n').filter((line) => /"level":"error"|failed, attempt/.test(line));
