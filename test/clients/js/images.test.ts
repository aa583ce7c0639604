// An image that a program gives to a JavaScript client is the image that the model gets.

import { describe } from 'vitest'
import { testImages } from '../conformance/images.ts'
import { CLIENT_MODES } from './client-modes.ts'
import { resultOf } from './client-result.ts'

describe('every JavaScript client', () => testImages(CLIENT_MODES, (way, asked) => resultOf(way.ask(asked))))
