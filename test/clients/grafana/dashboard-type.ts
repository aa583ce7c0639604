// Compiles only if the dashboard has the form of Grafana's own types.

import type { Dashboard } from '@grafana/schema'
import { grafanaDashboard } from '../../../scripts/grafana-dashboard.ts'

export const dashboard = grafanaDashboard() satisfies Dashboard
