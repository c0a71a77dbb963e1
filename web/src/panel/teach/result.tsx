/** What held-back labels say of a taught network: before and after, by class, and how sure that is. */
import { percent, titleOf } from '../../format.ts';
import { t } from '../../messages/index.ts';
import type { TaughtModelJson } from '../../service/types.ts';

const texts = t.teach;

export function TaughtResult({ taught }: { taught: TaughtModelJson }) {
  const { agreement, better, classes, contradicted, outside } = taught;
  const told = classes.filter(({ after }) => after !== null);
  return (
    <div class="taught" data-testid="taught">
      <p class="taught-verdict" data-better={better}>
        {better ? texts.better : texts.notBetter}
      </p>
      {agreement ? (
        <p>
          {texts.agreement(percent(agreement.before), percent(agreement.after), points(agreement.change))}{' '}
          <span class="quiet">{texts.interval(points(agreement.interval[0]), points(agreement.interval[1]))}</span>
        </p>
      ) : (
        <p>{texts.tooFew}</p>
      )}
      {told.length > 0 && (
        <table class="taught-classes">
          <thead>
            <tr>
              <th scope="col">{texts.heldBack}</th>
              <th scope="col">{texts.before}</th>
              <th scope="col">{texts.after}</th>
              <th scope="col">{texts.labelsOf}</th>
            </tr>
          </thead>
          <tbody>
            {told.map((each) => (
              <tr key={each.class}>
                <th scope="row">{titleOf(each.class)}</th>
                <td>{percent(each.before!)}</td>
                <td>{percent(each.after!)}</td>
                <td>{each.labels}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {taught.drawn_on_errors && <p class="quiet">{texts.onErrors}</p>}
      {contradicted.length > 0 && <p class="quiet">{texts.contradicted(contradicted.length)}</p>}
      {outside > 0 && <p class="quiet">{texts.outside(outside)}</p>}
    </div>
  );
}

/** A change of a share, in points of 100, with its sign. */
const points = (change: number): string => `${change < 0 ? '\u2212' : '+'}${Math.abs(100 * change).toFixed(1)}`;
