/** What there is of a job that is done: downloads, links, attribution, and what it says of itself. */
import { useSignal } from '@preact/signals';
import { useApp } from '../../app.ts';
import type { Box } from '../../map/map-view.ts';
import { t } from '../../messages/index.ts';
import { messageOf, proveJob } from '../../service/api.ts';
import type { JobJson, JobReport } from '../../service/types.ts';
import { AccuracySection } from '../accuracy/section.tsx';
import { Attribution } from '../attribution.tsx';
import { Button, Disclosure, Facts } from '../parts.tsx';
import { Share } from '../share.tsx';
import { TeachSection } from '../teach/section.tsx';
import { Downloads } from './downloads.tsx';
import { PlaceSummary } from './place-summary.tsx';
import { assumptionNotes, failureNotes, jobFacts, ledgerFacts, stageFacts, verifiedText } from './report-facts.ts';
import './report.css';

const texts = t.report;

/** @param props.zoomTo shows a part of the map */
export function Report({ zoomTo }: { zoomTo: (box: Box) => void }) {
  const { doneJob, detects } = useApp().state;
  const job = doneJob.value;
  return (
    <div class="report" hidden={!job?.report}>
      {job?.report && !detects.value && <PlaceSummary key={job.id} id={job.id} zoomTo={zoomTo} />}
      {job?.report && !detects.value && <AccuracySection key={`accuracy ${job.id}`} job={job} />}
      {job?.report && !detects.value && <TeachSection key={`teach ${job.id}`} job={job} />}
      <Disclosure title={t.download.title}>{job?.report && <Downloads job={job} />}</Disclosure>
      <Share />
      <Attribution />
      <Disclosure title={texts.title}>
        <div class="disclosed">{job?.report && <Details job={job} report={job.report} />}</div>
      </Disclosure>
    </div>
  );
}

function Details({ job, report }: { job: JobJson; report: JobReport }) {
  const { scene, model, detects } = useApp().state;
  if (!scene.value) return null;
  return (
    <>
      <Facts facts={jobFacts(job, report, scene.value, model.value)} />
      {!detects.value && <VerifyStitching key={job.id} id={job.id} />}
      <h3>{texts.ledger}</h3>
      <Facts facts={ledgerFacts(report)} />
      <Notes title={texts.notComputed} notes={failureNotes(report)} />
      <h3>{texts.stageTimes}</h3>
      <Facts facts={stageFacts(report)} />
      <Notes title={texts.assumptions} notes={assumptionNotes(report, scene.value)} />
    </>
  );
}

function Notes({ title, notes }: { title: string; notes: readonly string[] }) {
  if (notes.length === 0) return null;
  return (
    <>
      <h3>{title}</h3>
      <ul class="notes">
        {notes.map((note) => (
          <li key={note}>{note}</li>
        ))}
      </ul>
    </>
  );
}

/** The button that has the service compute parts of the map once more, and what came of it. */
function VerifyStitching({ id }: { id: string }) {
  const busy = useSignal(false);
  const answer = useSignal('');
  const verify = async () => {
    busy.value = true;
    answer.value = texts.verifying;
    answer.value = await proveJob(id).then(verifiedText, (error) => messageOf(error).detail);
    busy.value = false;
  };
  return (
    <div class="proof edits">
      <Button data-testid="prove" disabled={busy} onClick={verify}>
        {texts.verify}
      </Button>
      <p class="quiet" role="status">
        {answer}
      </p>
    </div>
  );
}
