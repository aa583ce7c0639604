// An image that a program gives to a JavaScript client is the image that the model gets.

import { describe } from 'vitest'
import { testPictures } from '../conformance/pictures.ts'
import { toldOf } from './told.ts'
import { WAYS } from './ways.ts'

describe('of every JavaScript client', () => testPictures(WAYS, (way, asked) => toldOf(way.ask(asked))))
