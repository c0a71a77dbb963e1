/** An assessment as it is written. */
import type { AssessmentJson, Estimate as EstimateJson } from '../api/accuracy.ts';
import type { Assessment } from './assessment.ts';
import type { Estimate } from './estimate.ts';

export function assessmentJson(found: Assessment): AssessmentJson {
  const { answered, cannotTell, disagreeing, agreement, totalM2, overallAccuracy, classes, matrix, counts } = found;
  return {
    ...{ answered, cannot_tell: cannotTell, disagreeing, agreement, total_m2: totalM2 },
    overall_accuracy: written(overallAccuracy),
    classes: classes.map((each) => ({
      ...{ class: each.class, mapped_m2: each.mappedM2, mapped_share: each.mappedShare },
      ...{ area_m2: written(each.areaM2), area_share: written(each.areaShare) },
      users_accuracy: each.usersAccuracy && written(each.usersAccuracy),
      producers_accuracy: each.producersAccuracy && written(each.producersAccuracy),
      ...{ mapped_points: each.mapped, answered_points: each.answered },
    })),
    ...{ matrix, counts },
  };
}

const written = ({ value, standardError, lower, upper }: Estimate): EstimateJson => ({
  ...{ value, standard_error: standardError, lower, upper },
});
