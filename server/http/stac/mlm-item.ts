/**
 * A network's manifest, which lies beside its ONNX file, as others read it: a STAC item with the Machine Learning Model
 * extension 1.5 (https://github.com/stac-extensions/mlm), whose links and assets are addresses of this service.
 */
import type { Link } from '../../api/index.ts';

interface Manifest {
  id: string;
  properties: Record<string, unknown>;
  assets: Record<string, Record<string, unknown>>;
}

interface Described {
  bands?: (string | { name: string })[];
  'classification:classes'?: { name: string; description?: string }[];
}

/** The assets of a manifest that are weights, and under which names they are handed out. */
const WEIGHTS: Readonly<Record<string, string>> = { model: 'fp32.onnx', int8: 'int8.onnx' };

/** Networks run on processors, and are tested there; on graphics cards they are faster. */
const HARDWARE = {
  'mlm:accelerator': 'amd64',
  'mlm:accelerator_constrained': false,
  'mlm:accelerator_summary': 'Runs on any processor; a graphics card (CUDA, WebGPU) is used where it is asked for.',
};

/** Names that users gave may have any letters: the full ones stay in `title` and `description`. */
export function mlmItem(manifest: Record<string, unknown>, address: string) {
  const { id, properties, assets } = manifest as unknown as Manifest;
  const path = `${address}/models/${id}`;
  const inputs = properties['mlm:input'] as Described[];
  const outputs = properties['mlm:output'] as Described[];
  const named = inputs
    .flatMap((input) => input.bands ?? [])
    .map((band) => (typeof band === 'string' ? band : band.name));
  // Bands that an input names have to be described: by the extension's schema here, by that of STAC 1.1 at an asset too.
  const bands = named.length > 0 ? { bands: properties.bands ?? named.map((name) => ({ name })) } : {};
  const links: Link[] = [
    { rel: 'self', href: `${path}/mlm.json`, type: 'application/geo+json' },
    { rel: 'root', href: `${address}/stac`, type: 'application/json' },
    { rel: 'via', href: path, type: 'application/json', title: 'What is understood of the network' },
  ];
  return {
    ...manifest,
    properties: {
      ...properties,
      ...bands,
      ...HARDWARE,
      'mlm:name': modelName(String(properties['mlm:name']), id),
      'mlm:output': outputs.map((output) => ({
        ...output,
        'classification:classes': output['classification:classes']?.map((each) => ({
          ...each,
          name: className(each.name),
          description: each.description ?? each.name,
        })),
      })),
    },
    links,
    assets: Object.fromEntries(
      Object.entries(assets)
        .filter(([name]) => Object.hasOwn(WEIGHTS, name))
        .map(([name, asset]) => [name, { ...asset, ...bands, href: `${path}/${WEIGHTS[name]}` }]),
    ),
  };
}

/** As the classification extension wants names. */
export const className = (name: string): string => withoutAccents(name).replaceAll(/[^\w-]+/g, '-');

const withoutAccents = (name: string): string => name.normalize('NFD').replaceAll(/\p{M}/gu, '');

/** As the extension wants names: letters, digits, dots, dashes and spaces, a letter first, three signs at least. */
function modelName(name: string, id: string): string {
  const plain = withoutAccents(name)
    .replaceAll(/[^\w.\-\s]+/g, ' ')
    .replace(/^[^A-Za-z]+|[^A-Za-z0-9]+$/g, '');
  return /^[A-Za-z][\w.\-\s]+[A-Za-z0-9]$/.test(plain) ? plain : `Network ${id}`.replace(/[^A-Za-z0-9]+$/, '');
}
