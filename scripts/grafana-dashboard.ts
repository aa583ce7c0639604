// Generator of the Grafana dashboard, examples/grafana/dashboards/foreman.json. A test checks it against the types of
// @grafana/schema and runs each query in a real Prometheus.

interface Query {
  readonly expr: string
  readonly legend: string
}

interface PanelPlan {
  readonly title: string
  readonly type: 'stat' | 'timeseries'
  readonly unit: string
  readonly description: string
  readonly queries: readonly Query[]
}

const DATASOURCE = { type: 'prometheus', uid: 'prometheus' }
/** Selector for the instances chosen at the top of the dashboard. */
const AT = 'instance=~"$instance"'
const COLUMNS = 24
const STAT = { w: 4, h: 4 }
const CHART = { w: 12, h: 8 }

const query = (expr: string, legend = '{{instance}}'): Query => ({ expr, legend })

const quantile = (share: number, histogram: string): Query =>
  query(
    `histogram_quantile(${share}, sum by (le, model) (rate(${histogram}_bucket{${AT}}[$__rate_interval])))`,
    `{{model}} p${share * 100}`,
  )

const times = (title: string, histogram: string, description: string): PanelPlan => ({
  ...{ title, type: 'timeseries', unit: 's', description },
  queries: [quantile(0.5, histogram), quantile(0.95, histogram)],
})

const stat = (title: string, unit: string, expr: string, description: string): PanelPlan => ({
  ...{ title, type: 'stat', unit, description },
  queries: [query(expr)],
})

const chart = (title: string, unit: string, description: string, ...queries: Query[]): PanelPlan => ({
  ...{ title, type: 'timeseries', unit, description, queries },
})

const rate = (metric: string): string => `rate(${metric}{${AT}}[$__rate_interval])`

const PANELS: readonly PanelPlan[] = [
  stat(
    'Target up',
    'bool_yes_no',
    `foreman_target_up{${AT}}`,
    'Whether the last probe of the Ollama server was answered.',
  ),
  stat('Paused', 'bool_yes_no', `foreman_paused{${AT}}`, 'Whether the queue is paused.'),
  stat(
    'Waiting jobs',
    'short',
    `sum by (instance) (foreman_queue_depth{${AT}}) or 0 * foreman_paused{${AT}}`,
    'Jobs in the queue.',
  ),
  stat('Oldest job', 's', `foreman_queue_oldest_seconds{${AT}}`, 'How long the oldest waiting job has waited.'),
  stat('Running job', 's', `foreman_running_job_seconds{${AT}}`, 'How long the running job has run; 0 if no job runs.'),
  stat('Free disk', 'bytes', `foreman_disk_free_bytes{${AT}}`, 'Free bytes on the disk of the database.'),
  chart(
    'Waiting jobs by model',
    'short',
    'How many jobs wait for each model.',
    query(`sum by (model) (foreman_queue_depth{${AT}})`, '{{model}}'),
  ),
  chart(
    'Ended jobs',
    'ops',
    'Jobs per second by final state.',
    query(`sum by (state) (${rate('foreman_jobs_total')})`, '{{state}}'),
  ),
  times('Waiting time', 'foreman_queue_wait_seconds', 'From the submit until the job is first sent.'),
  times('Run time', 'foreman_job_duration_seconds', 'From when the job was last sent to its end.'),
  times(
    'Time to the first byte',
    'foreman_time_to_first_token_seconds',
    'From when the job was sent to the first byte of the answer.',
  ),
  times('Load time', 'foreman_model_load_seconds', 'How long it takes to load a model.'),
  chart(
    'Tokens',
    'short',
    'Tokens per second, as the target counts them.',
    query(`sum by (model, type) (${rate('foreman_tokens_total')})`, '{{model}} {{type}}'),
  ),
  chart(
    'Swaps of models',
    'short',
    'Swaps made and saved in the last hour.',
    query(`increase(foreman_swaps_total{${AT}}[1h])`, 'made'),
    query(`clamp_min(delta(foreman_swaps_saved{${AT}}[1h]), 0)`, 'saved'),
  ),
  chart(
    'Attempts',
    'ops',
    'Attempts per second by outcome, without those that completed.',
    query(
      `sum by (outcome) (rate(foreman_attempts_total{${AT},outcome!="completed"}[$__rate_interval]))`,
      '{{outcome}}',
    ),
  ),
  chart(
    'Webhooks',
    'short',
    'Tries per second by result, and webhooks that are pending.',
    query(`sum by (result) (${rate('foreman_deliveries_total')})`, '{{result}} per second'),
    query(`foreman_deliveries_pending{${AT}}`, 'pending'),
  ),
  chart(
    'Embeddings',
    'short',
    'Embedding requests, which bypass the queue.',
    query(`foreman_embeddings_in_flight{${AT}}`, 'at the target'),
    query(`foreman_embeddings_waiting{${AT}}`, 'waiting'),
    query(rate('foreman_embeddings_total'), 'a second'),
  ),
  chart(
    'Requests',
    'reqps',
    'HTTP requests per second by status.',
    query(`sum by (code) (${rate('foreman_http_requests_total')})`, '{{code}}'),
  ),
  chart(
    'Process',
    'bytes',
    'Resident memory of foreman, and the size of its database.',
    query(`process_resident_memory_bytes{${AT},job="foreman"}`, 'memory'),
    query(`foreman_database_bytes{${AT}}`, 'database'),
  ),
  chart(
    'Event loop delay',
    's',
    'How late timers fire; above 0.05 s the machine of foreman is overloaded.',
    query(
      `histogram_quantile(0.99, sum by (le, instance) (rate(foreman_event_loop_delay_seconds_bucket{${AT}}[$__rate_interval])))`,
    ),
  ),
]

/** Places panels from left to right, and starts a new row if a panel does not fit. */
function positions(): { x: number; y: number; w: number; h: number }[] {
  let [x, y, height] = [0, 0, 0]
  return PANELS.map(({ type }) => {
    const { w, h } = type === 'stat' ? STAT : CHART
    if (x + w > COLUMNS) [x, y] = [0, y + height]
    const place = { x, y, w, h }
    ;[x, height] = [x + w, h]
    return place
  })
}

export function grafanaDashboard() {
  const places = positions()
  return {
    uid: 'foreman',
    title: 'foreman',
    description: 'The queue in front of Ollama. docs/metrics.md describes each metric.',
    tags: ['foreman', 'ollama'],
    schemaVersion: 41,
    editable: true,
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    templating: {
      list: [
        {
          name: 'instance',
          label: 'foreman',
          type: 'query' as const,
          datasource: DATASOURCE,
          query: 'label_values(foreman_build_info, instance)',
          includeAll: true,
          allValue: '.*',
          multi: true,
          current: { text: 'All', value: '$__all' },
        },
      ],
    },
    panels: PANELS.map(({ title, type, unit, description, queries }, index) => ({
      id: index + 1,
      ...{ title, type, description, datasource: DATASOURCE },
      gridPos: places[index] as { x: number; y: number; w: number; h: number },
      fieldConfig: { defaults: { unit }, overrides: [] },
      targets: queries.map(({ expr, legend }, number) => ({
        refId: String.fromCharCode(65 + number),
        datasource: DATASOURCE,
        expr,
        legendFormat: legend,
      })),
    })),
  }
}

export const renderGrafanaDashboard = (): string => `${JSON.stringify(grafanaDashboard(), null, 2)}\n`
