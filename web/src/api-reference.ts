/** The page `/api`: the service's OpenAPI document as a reference whose requests can be tried out. */
import SwaggerUI from 'swagger-ui-dist/swagger-ui-es-bundle.js';
import 'swagger-ui-dist/swagger-ui.css';
import './api-reference.css';

const dark = matchMedia('(prefers-color-scheme: dark)');
const applyTheme = () => {
  const { theme = 'system' } = document.documentElement.dataset;
  document.documentElement.classList.toggle('dark-mode', theme === 'dark' || (theme === 'system' && dark.matches));
};
dark.addEventListener('change', applyTheme);
applyTheme();

SwaggerUI({
  url: 'openapi.json',
  dom_id: '#reference',
  deepLinking: true,
  // Else the document would be sent to a validator on another host.
  validatorUrl: null,
  // Schemas are shown where they are used.
  defaultModelsExpandDepth: -1,
});
