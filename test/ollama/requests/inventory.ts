// Inventory requests: installed models, versions, loaded models.

import { asked, changed, posted, type Row, raw } from './row.ts'

const SHOW = '/api/show'

export const INVENTORY: readonly Row[] = [
  asked('the root', 200, 'GET', '/'),
  asked('the head of the root', 200, 'HEAD', '/'),
  asked('the version', 200, 'GET', '/api/version'),
  asked('the head of the version', 200, 'HEAD', '/api/version'),
  asked('the models', 200, 'GET', '/api/tags'),
  asked('the head of the models', 200, 'HEAD', '/api/tags'),
  asked('the models for OpenAI', 200, 'GET', '/v1/models'),
  asked('a model for OpenAI', 200, 'GET', '/v1/models/tiny-a'),
  asked('a model with its tag for OpenAI', 200, 'GET', '/v1/models/tiny-a:latest'),
  asked('a model in capitals for OpenAI', 200, 'GET', '/v1/models/TINY-A'),
  asked('a model that is not installed for OpenAI', 404, 'GET', '/v1/models/nope'),
  asked('a model with a slash for OpenAI', 404, 'GET', '/v1/models/library/tiny-a'),
  asked('a model with a hidden slash for OpenAI', 404, 'GET', '/v1/models/library%2Ftiny-a'),
  asked('a model with an escape for OpenAI', 200, 'GET', '/v1/models/tiny%2Da'),
  asked('a model of the cloud for OpenAI', changed(404, '0.18.0', 403), 'GET', '/v1/models/x:cloud'),
  { ...asked('a model of a bad name for OpenAI', 400, 'GET', '/v1/models/a%20b'), since: '0.17.8' },
  asked('the models with a slash too many', 301, 'GET', '/api/tags/'),
  asked('the cloud', 200, 'GET', '/api/status'),
  { ...asked('what is loaded', 200, 'GET', '/api/ps'), eventually: true },

  posted('a model', 200, SHOW, { model: 'tiny-a' }),
  posted('a model by its old key', 200, SHOW, { name: 'tiny-a' }),
  posted('a model as the command line asks', 200, SHOW, { model: '', name: 'tiny-a' }),
  posted('a model with everything', 200, SHOW, { model: 'tiny-a', verbose: true }),
  posted('a model with everything and then without', 200, SHOW, { model: 'tiny-a', verbose: false }),
  posted('a model in capitals', 200, SHOW, { model: 'TINY-A:LATEST' }),
  posted('a model with another system prompt', 200, SHOW, { model: 'tiny-a', system: 'be brief' }),
  posted('a model with other options', 200, SHOW, { model: 'tiny-a', options: { num_ctx: 99 } }),
  posted('a model that only embeds', 200, SHOW, { model: 'tiny-embed' }),
  posted('a model that is not installed', 404, SHOW, { model: 'nope' }),
  posted('a model of a bad name', changed(500, '0.17.8', 400), SHOW, { model: 'a b' }),
  posted('no model', 400, SHOW, {}),
  posted('a model whose name is a number', 400, SHOW, { model: 5 }),
  raw('a model without a body', 400, SHOW, ''),
  raw('a model with half a body', 400, SHOW, '{"model":"tiny-a"'),
]
