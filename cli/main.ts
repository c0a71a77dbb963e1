/** Picks the command, and turns what it throws into a message and an exit status. */
import { noRoomOf } from '../errors/no-room.ts';
import { Problem } from '../errors/problem.ts';
import { log } from '../server/log.ts';
import { columns, didYouMean, WrongCall } from './arguments.ts';
import { misspeltSettings } from './environment.ts';
import { guardTerminal } from './terminal.ts';

interface Command {
  /** The ways to call it and its options. */
  usage: string;
  run(args: string[]): Promise<void>;
}

/** One file a command; loaded when asked for, so that each starts quickly, and so that the list of all needs none. */
const COMMANDS: Record<string, { does: string; load: () => Promise<Command> }> = {
  serve: { does: 'the service with its viewer', load: () => import('./serve.ts') },
  worker: { does: 'one more process that computes for a service', load: () => import('./worker.ts') },
  segment: { does: 'maps one image or adjacent ones to a file, with no server', load: () => import('./segment.ts') },
  teach: { does: 'a network that knows a place, from labels drawn on its images', load: () => import('./teach.ts') },
  change: { does: 'what changed at one place between two images', load: () => import('./change.ts') },
  watch: { does: 'maps what lands in a folder, bucket or STAC collection', load: () => import('./watch.ts') },
  inspect: { does: 'what would be understood of an image', load: () => import('./inspect.ts') },
  vectorize: { does: 'makes features of a class map', load: () => import('./vectorize.ts') },
  accuracy: {
    does: 'how good a map is, and areas with intervals, by points that people look at',
    load: () => import('./accuracy.ts'),
  },
  evaluate: { does: 'scores a class map or a network against the truth', load: () => import('./evaluate.ts') },
  models: { does: 'lists, inspects, adds, measures and removes networks', load: () => import('./models.ts') },
  prove: { does: "computes windows of a job's map once more, in one pass each", load: () => import('./prove.ts') },
  replay: { does: "makes a job's package again, and says whether it is the same", load: () => import('./replay.ts') },
  report: { does: 'a sheet of a job, to print or to send', load: () => import('./report.ts') },
  tokens: { does: 'makes, lists and revokes what opens the service', load: () => import('./tokens.ts') },
  audit: { does: 'who did what with whose data', load: () => import('./audit.ts') },
  doctor: { does: 'whether everything is there that the service needs', load: () => import('./doctor.ts') },
  reap: { does: 'removes what nothing refers to, as the service does hourly', load: () => import('./reap.ts') },
  demo: { does: 'the whole way on a generated town, or on a file', load: () => import('./demo.ts') },
};

const LIST = `planimeter: maps from aerial and satellite imagery

${columns(Object.entries(COMMANDS).map(([name, { does }]) => [name, does]))}
  planimeter COMMAND --help   how to call it, and its options
  planimeter --version        the version

Exit status: 0 done, 2 wrong call, 3 the input was refused, 1 anything else.
`;

/** Runs the program; sets the exit status. */
export async function main(args: string[]): Promise<void> {
  guardTerminal();
  const [name = '--help', ...rest] = args[0] === 'help' ? [...args.slice(1, 2), '--help'] : args;
  if (name === '--help' || name === '-h') {
    process.stdout.write(LIST);
    return;
  }
  if (name === '--version') {
    const { VERSION } = await import('../server/content-ids.ts');
    process.stdout.write(`${VERSION}\n`);
    return;
  }
  process.on('uncaughtException', (error) => {
    process.exit(report(error, `planimeter ${name}`, rest.includes('--json')));
  });
  const named = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : null;
  try {
    if (!named) throw new WrongCall(`there is no command "${name}".${didYouMean(name, Object.keys(COMMANDS))}`);
    const { usage, run } = await named.load();
    if (rest.includes('--help') || rest.includes('-h')) {
      process.stdout.write(`planimeter ${name}: ${named.does}\n\n${usage}`);
      return;
    }
    if (process.env.LOG_FORMAT !== 'json') {
      for (const warning of misspeltSettings(process.env)) process.stderr.write(`planimeter: ${warning}\n`);
    }
    await run(rest);
  } catch (error) {
    process.exitCode = report(error, named ? `planimeter ${name}` : 'planimeter', rest.includes('--json'));
  }
}

/** Exit status after Ctrl-C, as of other programs: 128 and the signal's number. */
const INTERRUPTED = 130;

/** Their standard error is a log. */
const LOGGING = ['planimeter serve', 'planimeter worker'];

const MORE = 'LOG_LEVEL=debug says where; "planimeter doctor" looks whether everything is there that it needs.';

/** Not all that is thrown is an Error, and not every error says something. */
function sentenceOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return String(error);
  const { message, code, cause } = error as { message?: unknown; code?: unknown; cause?: unknown };
  const said = [message, code].find((each) => typeof each === 'string' && each !== '');
  const why = cause ? `: ${sentenceOf(cause)}` : '';
  return `${said ?? JSON.stringify(error)}${why}`;
}

const debugging = (): boolean => ['debug', 'trace'].includes(process.env.LOG_LEVEL ?? '');

const stackOf = (error: unknown): string => `${error instanceof Error ? error.stack : ''}\n`;

function report(error: unknown, called: string, json: boolean): number {
  if (error instanceof Error && error.name === 'AbortError') {
    process.stderr.write(`${called}: interrupted\n`);
    return INTERRUPTED;
  }
  const known = error instanceof Problem ? error : noRoomOf(error);
  if (process.env.LOG_FORMAT === 'json' && LOGGING.includes(called) && !(error instanceof WrongCall)) {
    log.fatal(known ? `${known.toJSON().title}. ${known.message}` : `${called} failed: ${sentenceOf(error)}`, {
      ...(known ? { code: known.code } : { error }),
    });
    return known && known.toJSON().status < 500 ? 3 : 1;
  }
  if (known) {
    const problem = known.toJSON();
    process.stderr.write(json ? `${JSON.stringify(problem)}\n` : `${problem.title}. ${problem.detail}\n`);
    if (debugging() && known.cause) process.stderr.write(stackOf(known.cause));
    return problem.status < 500 ? 3 : 1;
  }
  if (error instanceof WrongCall) {
    process.stderr.write(`planimeter: ${error.message}\nSee "${called} --help".\n`);
    return 2;
  }
  process.stderr.write(`${called} failed: ${sentenceOf(error)}\n`);
  process.stderr.write(debugging() ? stackOf(error) : `${MORE}\n`);
  return 1;
}
