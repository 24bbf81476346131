"""Everything that can go wrong on account of what a visitor brought or a host lacks.

ImgSimError
├── PictureError            the bytes cannot become a Picture
│   ├── EmptyFile
│   ├── NotAPicture         no decoder knows it
│   ├── PictureDamaged      truncated or corrupt
│   └── PictureTooLarge     bytes, pixels or a side over the limit
├── MethodError             a method cannot answer for this pair
│   ├── PictureTooSmall
│   ├── UnknownMethod
│   └── BadOption
├── UnknownSample           no built-in picture or pair has this id
├── UnknownDamage           no damage has this id
├── TooFewPairs             fewer pairs than a calibration needs
├── BadSetting              the host has set something to what it cannot be
├── NoRoom                  a visitor, or all together, hold as much as they may
├── GalleryError            a gallery cannot do what was asked
│   ├── UnknownGallery
│   ├── BadGalleryName
│   ├── OtherEncoder        its vectors are of another model, weights or preprocessing
│   ├── GalleryReadOnly
│   ├── GalleryFull         over its quota of pictures or bytes
│   └── StoreGone           the store or the shelf cannot be reached, read or written
├── CatalogueError          a product catalogue cannot be read, or not by what was named
├── NoSubject               nothing in the picture stands apart from its background
├── NoFace                  no face is found, or none good enough to judge by
├── FacesOff                this host has not switched face recognition on
├── NotEnrolled             a person is not taken in: no consent, no name, no room
├── CannotTeach             groups that nothing can be learned from
├── WrongHead               a file that is no taught head, or of another model, or changed
├── WrongCheckpoint         a training cannot go on from this file
├── BadBox                  a box or a stroke that is not inside its picture
└── ModelError              a learned model cannot be used
    ├── UnknownModel
    ├── WeightsMissing      not on this host, and not to be had just now
    └── WeightsWrong        found, but not this model's

Each carries a `Text` that a visitor may read: which file, what was wrong, what to do.
Anything else that is raised is a bug and stays loud.
"""

from __future__ import annotations

from imgsim_core import counting
from imgsim_core.text import Text


class ImgSimError(Exception):
    """Base of all errors whose sentence is meant for a visitor."""

    def __init__(self, text: Text) -> None:
        super().__init__(str(text))
        self.text = text
        counting.refusals.add(type(self).__name__)


class PictureError(ImgSimError):
    """The bytes cannot become a Picture."""


class EmptyFile(PictureError):
    """No bytes at all."""


class NotAPicture(PictureError):
    """No decoder knows the content."""


class PictureDamaged(PictureError):
    """A picture by its head, but its body cannot be decoded."""


class PictureTooLarge(PictureError):
    """More bytes, pixels or a longer side than the gate lets in."""


class MethodError(ImgSimError):
    """A method cannot answer for this pair."""


class PictureTooSmall(MethodError):
    """The method needs more pixels than the picture has."""


class UnknownMethod(MethodError):
    """No method has this id."""


class BadOption(MethodError):
    """An option's name or value is not one of the method's."""


class UnknownSample(ImgSimError):
    """No built-in picture or pair has this id."""


class UnknownDamage(ImgSimError):
    """No damage has this id."""


class TooFewPairs(ImgSimError):
    """Fewer pairs of one sort than a calibration needs."""


class BadSetting(ImgSimError):
    """An environment variable holds what cannot be."""


class NoRoom(ImgSimError):
    """A visitor holds as much as one may have in memory, or all of them together do."""


class GalleryError(ImgSimError):
    """A gallery cannot do what was asked."""


class UnknownGallery(GalleryError):
    """No gallery has this name."""


class BadGalleryName(GalleryError):
    """The name could be more than a plain name."""


class OtherEncoder(GalleryError):
    """The gallery's vectors were made by another model, weights or preprocessing."""


class GalleryReadOnly(GalleryError):
    """The gallery is published to look at, not to change."""


class GalleryFull(GalleryError):
    """Its quota of pictures or bytes is used up."""


class StoreGone(GalleryError):
    """The store or the shelf cannot be reached, read or written."""


class CatalogueError(ImgSimError):
    """A product catalogue cannot be read, or holds nothing to match with."""


class NoSubject(ImgSimError):
    """Nothing in the picture stands apart from its background."""


class NoFace(ImgSimError):
    """No face is found, or none good enough to judge by."""


class FacesOff(ImgSimError):
    """This host has not switched face recognition on."""


class NotEnrolled(ImgSimError):
    """A person is not taken in among the faces: no consent, no name, or no room."""


class CannotTeach(ImgSimError):
    """Groups that nothing can be learned from."""


class WrongHead(ImgSimError):
    """A file that is no taught head, belongs to another model, or was changed."""


class WrongCheckpoint(ImgSimError):
    """No training can go on from this file: missing, damaged, or of another training."""


class BadBox(ImgSimError):
    """A box or a stroke that is not inside its picture."""


class ModelError(ImgSimError):
    """A learned model cannot be used."""


class UnknownModel(ModelError):
    """No model of the catalogue has this id."""


class WeightsMissing(ModelError):
    """The weights are not on this host, and cannot be had just now."""


class WeightsWrong(ModelError):
    """A weights file was found but does not fit the model."""
