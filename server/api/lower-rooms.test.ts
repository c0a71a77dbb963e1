/**
 * Shapes that lower rooms make and answers hold: those rooms have plain types of their own, since they know nothing of the
 * service. The compiler holds that the contract says of them all there is, and nothing else.
 */
import { expectTypeOf, test } from 'vitest';
import type { ProblemCode } from '../../errors/problem.ts';
import type { Adapter } from '../../models/adapter.ts';
import type { SelfTest } from '../../models/imported/self-test.ts';
import type * as mapping from '../../models/mapping/ledger.ts';
import type { Certificate } from '../../models/onnx/certificate.ts';
import type { NetworkClass } from '../../models/registry.ts';
import type { HaloSweep } from '../../models/verify/halo-sweep.ts';
import type { Proof } from '../../models/verify/verify-windows.ts';
import type * as ingest from '../../tiler/ingest/findings.ts';
import type { GeometryReport } from '../tracing/join-strips.ts';
import type {
  Assumption,
  FailedChip,
  Finding,
  JobReport,
  Ledger,
  ModelClass,
  ModelReportJson,
  ProblemJson,
  ProofJson,
} from './index.ts';

type Geometry = NonNullable<JobReport['geometry']>;
type Members<Shape> = { [Name in keyof Shape]-?: keyof NonNullable<Shape[Name]> };

test('the contract has the shapes of the lower rooms', () => {
  expectTypeOf<ProblemJson['code']>().toEqualTypeOf<ProblemCode>();
  expectTypeOf<Ledger>().toEqualTypeOf<mapping.Ledger>();
  expectTypeOf<FailedChip>().toEqualTypeOf<mapping.FailedChip>();
  expectTypeOf<Assumption>().toEqualTypeOf<ingest.Assumption>();
  expectTypeOf<Omit<Finding, 'params' | 'job'>>().toEqualTypeOf<ingest.Finding>();
  expectTypeOf<ProofJson>().toEqualTypeOf<Proof>();
  expectTypeOf<ModelClass>().toEqualTypeOf<NetworkClass>();
  expectTypeOf<ModelReportJson['certificate']>().toEqualTypeOf<Certificate>();
  expectTypeOf<NonNullable<ModelReportJson['halos']>>().toEqualTypeOf<HaloSweep>();
  expectTypeOf<NonNullable<ModelReportJson['adapter']>>().toEqualTypeOf<Adapter>();
  expectTypeOf<NonNullable<ModelReportJson['self_test']>>().toEqualTypeOf<SelfTest>();
  expectTypeOf<GeometryReport>().toExtend<Geometry>();
  expectTypeOf<Members<Geometry>>().toEqualTypeOf<Members<GeometryReport>>();
});
