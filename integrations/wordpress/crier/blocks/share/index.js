/**
 * The share bar in the editor: a sketch of it, and which platforms it has. The server renders it.
 */
( function ( wp ) {
	'use strict';

	var el = wp.element.createElement;
	var __ = wp.i18n.__;
	var names = window.crierShareTargets || {};

	function choice( props, id ) {
		var targets = props.attributes.targets;
		return el( wp.components.CheckboxControl, {
			key: id,
			label: names[ id ],
			checked: targets.indexOf( id ) >= 0,
			onChange: function ( on ) {
				var others = targets.filter( function ( other ) {
					return other !== id;
				} );
				props.setAttributes( { targets: on ? others.concat( id ) : others } );
			},
		} );
	}

	function sketch( id ) {
		return el( 'li', { key: id, className: 'crier-share-item' }, el( 'span', null, names[ id ] ) );
	}

	wp.blocks.registerBlockType( 'crier/share', {
		edit: function ( props ) {
			var targets = props.attributes.targets;
			return el(
				'div',
				wp.blockEditor.useBlockProps( { className: 'crier-share' } ),
				el(
					wp.blockEditor.InspectorControls,
					null,
					el(
						wp.components.PanelBody,
						{ title: __( 'Share bar', 'crier' ) },
						el( wp.components.TextControl, {
							label: __( 'Heading', 'crier' ),
							value: props.attributes.heading,
							onChange: function ( text ) {
								props.setAttributes( { heading: text } );
							},
						} ),
						el( 'p', null, __( 'None chosen: those of the settings.', 'crier' ) ),
						Object.keys( names ).map( function ( id ) {
							return choice( props, id );
						} )
					)
				),
				props.attributes.heading ? el( 'span', { className: 'crier-share-heading' }, props.attributes.heading ) : null,
				targets.length
					? el( 'ul', { className: 'crier-share-list' }, targets.map( sketch ) )
					: el( 'p', null, __( 'Share bar with the platforms of the settings', 'crier' ) )
			);
		},
		save: function () {
			return null;
		},
	} );
} )( window.wp );
